/**
 * `SEP<MAC>.cnf.xml` of a SIP phone and `ATA<MAC>.cnf.xml` of a SIP adapter. One order of elements (CUCM 12); families
 * differ in what they know: the 79xx have one load and no services, 78xx and 88xx keep a second load, adapters have
 * neither buttons nor locales. An element that a model does not know is skipped by it.
 */
import type { DeviceLine, DeviceSecurity } from '../cluster/model.ts';
import type { Family } from '../devices/family.ts';
import {
  addressing,
  devicePool,
  enrolment,
  loadOf,
  locales,
  noVersionStamp,
  securityMode,
  tvsMembers,
  urls,
  type ConfigInput,
} from './phone-parts.ts';
import { element, type XmlElement } from './xml.ts';

interface Traits {
  readonly charSet: string;
  /** Second load, services menu, enterprise settings. */
  readonly modern: boolean;
  readonly buttons: boolean;
  readonly kpml: number;
}

const traits: Readonly<Record<Exclude<Family, 'gateway'>, Traits>> = {
  '79xx': { charSet: 'iso-8859-1', modern: false, buttons: true, kpml: 3 },
  '78xx': { charSet: 'utf-8', modern: true, buttons: true, kpml: 0 },
  '88xx': { charSet: 'utf-8', modern: true, buttons: true, kpml: 0 },
  ata: { charSet: 'utf-8', modern: false, buttons: false, kpml: 0 },
};

export function renderSipPhone(input: ConfigInput, family: Exclude<Family, 'gateway'>): XmlElement {
  const { charSet, modern, buttons, kpml } = traits[family];
  const { device, pool } = input;
  const when = (known: boolean, ...parts: readonly XmlElement[]): readonly XmlElement[] =>
    known ? parts : [];
  return element(
    'device',
    [
      element('fullConfig', true),
      element('deviceProtocol', 'SIP'),
      element('sshUserId'),
      element('sshPassword'),
      ...addressing(),
      devicePool(input),
      tvsMembers(input),
      sipProfile(input, kpml),
      ...when(buttons, element('MissedCallLoggingOption', 1)),
      ...when(modern, element('featurePolicyFile', pool.featurePolicyFile)),
      element('commonProfile', [
        element('phonePassword'),
        ...when(buttons, element('backgroundImageAccess', true), element('callLogBlfEnabled', 0)),
      ]),
      element('loadInformation', loadOf(input)),
      ...when(modern, element('inactiveLoadInformation')),
      element('vendorConfig', []),
      ...when(modern, element('commonConfig', []), element('enterpriseConfig', [])),
      element('versionStamp', noVersionStamp),
      ...when(buttons, ...locales(input, charSet)),
      securityMode(device.security),
      ...when(buttons, element('idleTimeout', 0), ...urls(input)),
      element('dscpForCm2Dvce', 96),
      element('transportLayerProtocol', transport(device.security)),
      ...enrolment(input),
      element('TLSResumptionTimer', 3600),
      ...when(modern, element('phoneServices', [element('provisioning', 0)], { useHTTPS: 'true' })),
    ],
    buttons ? { 'xsi:type': 'axl:XIPPhone' } : {},
  );
}

/** 1 TCP, 2 UDP, 3 TLS. */
function transport(security: DeviceSecurity): number {
  return security === 'none' ? 1 : 3;
}

function sipProfile({ device, pool, group }: ConfigInput, kpml: number): XmlElement {
  const port = group.members[0]?.ports.sip ?? 5060;
  return element('sipProfile', [
    element('sipProxies', [
      element('backupProxy', useCallManager),
      element('backupProxyPort', port),
      element('emergencyProxy', useCallManager),
      element('emergencyProxyPort', port),
      element('outboundProxy', useCallManager),
      element('outboundProxyPort', port),
      element('registerWithProxy', true),
    ]),
    ...callHandling(),
    element('kpml', kpml),
    element('phoneLabel', device.lines[0]?.label ?? ''),
    element('startMediaPort', 16384),
    element('stopMediaPort', 32766),
    element('natEnabled', false),
    element(
      'sipLines',
      device.lines.map((line) => sipLine(line, port)),
    ),
    element('voipControlPort', port),
    element('dscpForAudio', 184),
    element('ringSettingBusyStationPolicy', 0),
    element('dialTemplate', pool.dialTemplate),
    element('softKeyFile', pool.softKeyFile),
  ]);
}

/** The registrar is whichever CallManager of the group answers. */
const useCallManager = 'USECALLMANAGER';

function callHandling(): readonly XmlElement[] {
  return [
    element('sipCallFeatures', [
      element('cnfJoinEnabled', true),
      element('callForwardURI', 'x-cisco-serviceuri-cfwdall'),
      element('callPickupURI', 'x-cisco-serviceuri-pickup'),
      element('callPickupListURI', 'x-cisco-serviceuri-opickup'),
      element('callPickupGroupURI', 'x-cisco-serviceuri-gpickup'),
      element('meetMeServiceURI', 'x-cisco-serviceuri-meetme'),
      element('abbreviatedDialURI', 'x-cisco-serviceuri-abbrdial'),
      element('rfc2543Hold', false),
      element('callHoldRingback', 1),
      element('localCfwdEnable', true),
      element('semiAttendedTransfer', true),
      element('anonymousCallBlock', 0),
      element('callerIdBlocking', 0),
      element('dndControl', 0),
      element('remoteCcEnable', true),
    ]),
    element('sipStack', [
      element('sipInviteRetx', 6),
      element('sipRetx', 10),
      element('timerInviteExpires', 180),
      element('timerRegisterExpires', 3600),
      element('timerRegisterDelta', 5),
      element('timerKeepAliveExpires', 120),
      element('timerSubscribeExpires', 120),
      element('timerSubscribeDelta', 5),
      element('timerT1', 500),
      element('timerT2', 4000),
      element('maxRedirects', 70),
      element('remotePartyID', true),
      element('userInfo', 'None'),
    ]),
    element('autoAnswerTimer', 1),
    element('transferOnhookEnabled', true),
    element('enableVad', false),
    element('preferredCodec', 'none'),
    element('dtmfAvtPayload', 101),
    element('dtmfOutofBand', 'avt'),
  ];
}

/** Feature 9 is a line. */
function sipLine({ index, extension, label, displayName, authName, authPassword }: DeviceLine, port: number) {
  return element(
    'line',
    [
      element('featureID', 9),
      element('featureLabel', label ?? extension),
      element('proxy', useCallManager),
      element('port', port),
      element('name', extension),
      element('displayName', displayName ?? label ?? extension),
      element('autoAnswer', [element('autoAnswerEnabled', 0)]),
      element('callWaiting', 3),
      element('authName', authName ?? ''),
      element('authPassword', authPassword ?? ''),
      element('contact', extension),
      element('sharedLine', false),
      element('messageWaitingLampPolicy', 3),
      element('messagesNumber'),
      element('ringSettingIdle', 4),
      element('ringSettingActive', 5),
      element('maxNumCalls', 4),
      element('busyTrigger', 2),
    ],
    { button: String(index), lineIndex: String(index) },
  );
}
