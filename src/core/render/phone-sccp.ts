/** `SEP<MAC>.cnf.xml` of an SCCP phone: no lines, CallManager sends them over SCCP once the phone has registered. */
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

export function renderSccpPhone(input: ConfigInput): XmlElement {
  return element(
    'device',
    [
      element('fullConfig', true),
      element('deviceProtocol', 'SCCP'),
      element('sshUserId'),
      element('sshPassword'),
      ...addressing(),
      devicePool(input),
      tvsMembers(input),
      element('MissedCallLoggingOption', 1),
      element('commonProfile', [
        element('phonePassword'),
        element('backgroundImageAccess', true),
        element('callLogBlfEnabled', 0),
      ]),
      element('loadInformation', loadOf(input)),
      element('vendorConfig', []),
      element('versionStamp', noVersionStamp),
      ...locales(input, 'iso-8859-1'),
      securityMode(input.device.security),
      element('idleTimeout', 0),
      ...urls(input),
      element('dscpForSCCPPhoneConfig', 96),
      element('dscpForSCCPPhoneServices', 0),
      element('dscpForCm2Dvce', 96),
      ...enrolment(input),
    ],
    { 'xsi:type': 'axl:XIPPhone' },
  );
}
