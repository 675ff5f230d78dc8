/** Every command, in the order in which help lists them within their topic. */
import type { CommandDefinition } from './command.ts';
import { addClusterCommand } from './commands/add-cluster.ts';
import { addDeviceCommand } from './commands/add-device.ts';
import { adoptClusterCommand } from './commands/adopt-cluster.ts';
import { backupCommand, restoreCommand } from './commands/backup-node.ts';
import { bootFleetCommand } from './commands/boot-fleet.ts';
import { bootPhoneCommand } from './commands/boot-phone.ts';
import { changeDeviceCommand } from './commands/change-device.ts';
import { joinNodeCommand, removeNodeCommand, renameNodeCommand } from './commands/change-nodes.ts';
import { checkNodeCommand } from './commands/check-node.ts';
import { completion } from './commands/completion.ts';
import { decryptFileCommand } from './commands/decrypt-file.ts';
import { drillRecoveryCommand } from './commands/drill-recovery.ts';
import { encryptFileCommand } from './commands/encrypt-file.ts';
import { dhcpOptionsCommand } from './commands/dhcp-options.ts';
import { explainDevice } from './commands/explain-device.ts';
import { consolidateBulkCommand } from './commands/consolidate-bulk.ts';
import { exportBulkCommand } from './commands/export-bulk.ts';
import { exportCertificateCommand } from './commands/export-certificate.ts';
import { exportRecoveryCommand } from './commands/export-recovery.ts';
import { getFile } from './commands/get-file.ts';
import { importBulkCommand } from './commands/import-bulk.ts';
import { importCertificateCommand } from './commands/import-certificate.ts';
import { importDevicesCommand } from './commands/import-devices.ts';
import { initClusterCommand } from './commands/init-cluster.ts';
import { inspectFile } from './commands/inspect-file.ts';
import { issueCertificateCommand } from './commands/issue-certificate.ts';
import { listCertificatesCommand } from './commands/list-certificates.ts';
import { listClustersCommand } from './commands/list-clusters.ts';
import { listDevices } from './commands/list-devices.ts';
import { queryTvs } from './commands/query-tvs.ts';
import { planCommand } from './commands/plan-operation.ts';
import { reloadServer } from './commands/reload-server.ts';
import { removeCertificateCommand } from './commands/remove-certificate.ts';
import { migrateDatabaseCommand } from './commands/migrate-database.ts';
import { moveDeviceCommand } from './commands/move-device.ts';
import { probeClusterCommand } from './commands/probe-cluster.ts';
import { removeClusterCommand } from './commands/remove-cluster.ts';
import { removeDeviceCommand } from './commands/remove-device.ts';
import { renewCertificateCommand } from './commands/renew-certificate.ts';
import { resetCtlCommand, resetItlCommand } from './commands/reset-lists.ts';
import { resetPhonesCommand } from './commands/reset-phones.ts';
import { serveFiles } from './commands/serve-files.ts';
import { setHashCommand } from './commands/set-hash.ts';
import { setModeCommand } from './commands/set-mode.ts';
import { setProvisioningCommand, showProvisioningCommand } from './commands/set-provisioning.ts';
import { showAudit } from './commands/show-audit.ts';
import { showDeviceCommand } from './commands/show-device.ts';
import { showCtl, showItl } from './commands/show-list.ts';
import { showStatus } from './commands/show-status.ts';
import { showTrustCommand } from './commands/show-trust.ts';
import { signFileCommand } from './commands/sign-file.ts';
import { stripFile } from './commands/strip-file.ts';
import { trustCertificateCommand } from './commands/trust-certificate.ts';
import { updateCtlCommand, updateItlCommand } from './commands/update-lists.ts';
import { verifyFile } from './commands/verify-file.ts';

export const commands: readonly CommandDefinition[] = [
  initClusterCommand,
  adoptClusterCommand,
  joinNodeCommand,
  removeNodeCommand,
  renameNodeCommand,
  migrateDatabaseCommand,
  serveFiles,
  reloadServer,
  showStatus,
  checkNodeCommand,
  showAudit,
  backupCommand,
  restoreCommand,
  addDeviceCommand,
  importDevicesCommand,
  listDevices,
  showDeviceCommand,
  changeDeviceCommand,
  removeDeviceCommand,
  resetPhonesCommand,
  showProvisioningCommand,
  setProvisioningCommand,
  explainDevice,
  inspectFile,
  verifyFile,
  signFileCommand,
  stripFile,
  encryptFileCommand,
  decryptFileCommand,
  showItl,
  showCtl,
  showTrustCommand,
  planCommand,
  updateItlCommand,
  updateCtlCommand,
  setModeCommand,
  setHashCommand,
  queryTvs,
  renewCertificateCommand,
  resetItlCommand,
  resetCtlCommand,
  exportRecoveryCommand,
  drillRecoveryCommand,
  listCertificatesCommand,
  issueCertificateCommand,
  importCertificateCommand,
  exportCertificateCommand,
  trustCertificateCommand,
  removeCertificateCommand,
  addClusterCommand,
  listClustersCommand,
  probeClusterCommand,
  removeClusterCommand,
  moveDeviceCommand,
  exportBulkCommand,
  consolidateBulkCommand,
  importBulkCommand,
  getFile,
  bootPhoneCommand,
  bootFleetCommand,
  dhcpOptionsCommand,
  completion,
];
