/** The parts that configurations of SCCP and SIP phones share, in CUCM's order (samples/technotes, CUCM 12). */
import type { Device, DeviceSecurity } from '../cluster/model.ts';
import { phoneUrlNames, type DeviceSurroundings, type Endpoint } from '../devices/provisioning.ts';
import { element, type XmlElement } from './xml.ts';

export interface ConfigInput extends DeviceSurroundings {
  readonly device: Device;
  /** MD5 of the phone's certificate in hex, for a phone whose configuration is encrypted; else empty. */
  readonly certHash: string;
}

/** Stands where the stamp will, while the content that it is made from is hashed. */
export const noVersionStamp = '';

export function addressing(): readonly XmlElement[] {
  return [
    element('ipAddressMode', 0),
    element('allowAutoConfig', true),
    element('dadEnable', true),
    element('redirectEnable', false),
    element('echoMultiEnable', false),
    element('ipPreferenceModeControl', 0),
    element('ipMediaAddressFamilyPreference', 0),
  ];
}

export function devicePool({ poolName, pool, group }: DeviceSurroundings): XmlElement {
  const ntps = pool.ntp.map((name) => element('ntp', [element('name', name), element('ntpMode', 'Unicast')]));
  return element('devicePool', [
    element('revertPriority', 0),
    element('name', poolName),
    element('dateTimeSetting', [
      element('name', pool.timeZone),
      element('dateTemplate', pool.dateTemplate),
      element('timeZone', pool.timeZone),
      element('olsonTimeZone', pool.olsonTimeZone),
      element('ntps', ntps),
    ]),
    callManagerGroup(pool.group, group.members),
    element('connectionMonitorDuration', 120),
  ]);
}

/** Priority 0 is asked first. */
export function callManagerGroup(name: string, members: DeviceSurroundings['group']['members']): XmlElement {
  return element('callManagerGroup', [
    element('name', name),
    element('tftpDefault', false),
    element(
      'members',
      members.map((member, priority) =>
        element(
          'member',
          [
            element('callManager', [
              element('name', member.name),
              element('ports', [
                element('ethernetPhonePort', member.ports.sccp),
                // No public file shows the name of this one (?); phones skip elements they do not know.
                element('securedEthernetPhonePort', member.ports.sccpSecure),
                element('sipPort', member.ports.sip),
                element('securedSipPort', member.ports.sipSecure),
                element('mgcpPorts', [
                  element('listen', member.ports.mgcp),
                  element('keepAlive', member.ports.mgcpKeepAlive),
                ]),
              ]),
              element('processNodeName', member.address),
            ]),
          ],
          { priority: String(priority) },
        ),
      ),
    ),
  ]);
}

/** formats.md §6: 2445. */
export function tvsMembers({ group }: DeviceSurroundings): XmlElement {
  const services: readonly Endpoint[] =
    group.tvs.length > 0 ? group.tvs : group.members.map(({ address }) => ({ address, port: 2445 }));
  return element('TVS', [
    element(
      'members',
      services.map(({ address, port }, priority) =>
        element('member', [element('port', port), element('address', address)], {
          priority: String(priority),
        }),
      ),
    ),
  ]);
}

/** formats.md §6: 3804. */
function capfMembers({ group }: DeviceSurroundings): readonly XmlElement[] {
  const services: readonly Endpoint[] =
    group.capf.length > 0
      ? group.capf
      : group.members.slice(0, 1).map(({ address }) => ({ address, port: 3804 }));
  return services.map(({ address, port }) =>
    element('capf', [element('phonePort', port), element('processNodeName', address)]),
  );
}

export function locales({ pool: { userLocale, networkLocale } }: DeviceSurroundings, charSet: string) {
  return [
    element('userLocale', [
      element('name', userLocale.name),
      element('uid', 1),
      element('langCode', userLocale.langCode),
      element('version', userLocale.version),
      element('winCharSet', charSet),
    ]),
    element('networkLocale', networkLocale.name),
    element('networkLocaleInfo', [
      element('name', networkLocale.name),
      element('version', networkLocale.version),
    ]),
  ];
}

/** Buttons of the phone, plain and by TLS. */
export function urls({ pool }: DeviceSurroundings): readonly XmlElement[] {
  const named = (prefix: string, name: string): string =>
    prefix === '' ? `${name}URL` : `${prefix}${name.charAt(0).toUpperCase()}${name.slice(1)}URL`;
  return [
    ...phoneUrlNames.map((name) => element(named('', name), pool.urls[name] ?? '')),
    element('proxyServerURL', pool.proxyServerUrl),
    ...phoneUrlNames.map((name) => element(named('secure', name), pool.secureUrls[name] ?? '')),
  ];
}

/** 1 non-secure, 2 authenticated, 3 encrypted. */
export function securityMode(security: DeviceSecurity): XmlElement {
  return element('deviceSecurityMode', { none: 1, authenticated: 2, encrypted: 3 }[security]);
}

export function enrolment(input: ConfigInput): readonly XmlElement[] {
  return [
    element('capfAuthMode', 0),
    element('capfList', capfMembers(input)),
    element('certHash', input.certHash),
    element('encrConfig', input.certHash !== ''),
  ];
}

export function loadOf({ device, model }: ConfigInput): string {
  return device.load ?? model?.load ?? '';
}
