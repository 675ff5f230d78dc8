/**
 * `<name>.cnf.xml` of a gateway: all it needs is in its file (domain.md §4), so its ports stand in it too.
 * No public source shows CUCM's own layout (?): this one keeps the names that phones and gateways share, every element
 * can be overridden by path, and an imported file is served in the layout it came in.
 */
import {
  devicePool,
  enrolment,
  loadOf,
  noVersionStamp,
  securityMode,
  tvsMembers,
  type ConfigInput,
} from './phone-parts.ts';
import { element, type XmlElement } from './xml.ts';

export function renderGateway(input: ConfigInput): XmlElement {
  const { device } = input;
  return element('device', [
    element('fullConfig', true),
    element('name', device.name),
    element('product', device.model),
    element('deviceProtocol', device.protocol),
    devicePool(input),
    tvsMembers(input),
    element('loadInformation', loadOf(input)),
    element('vendorConfig', []),
    element('versionStamp', noVersionStamp),
    securityMode(device.security),
    element(
      'endpoints',
      device.lines.map(({ index, extension, label }) =>
        element('endpoint', [element('directoryNumber', extension), element('label', label ?? extension)], {
          port: String(index),
        }),
      ),
    ),
    ...enrolment(input),
  ]);
}
