/**
 * `XMLDefault.cnf.xml`: what an unknown phone gets where auto-registration is on, a load per model and the CallManagers
 * it may register at (domain.md §4). Only phones ask for it; no other device has a default file (seed 001).
 */
import { deviceTypeOf } from '../devices/family.ts';
import type { DeviceSurroundings, Provisioning } from '../devices/provisioning.ts';
import { callManagerGroup, tvsMembers, urls } from './phone-parts.ts';
import { element, type XmlElement } from './xml.ts';

export function renderXmlDefault(surroundings: DeviceSurroundings, provisioning: Provisioning): XmlElement {
  const loads = Object.entries(provisioning.models)
    .flatMap(([model, { load }]) => {
      const type = deviceTypeOf(model);
      return type === undefined || load === '' ? [] : [{ type, model, load }];
    })
    .sort((a, b) => a.type - b.type);
  return element('Default', [
    callManagerGroup(surroundings.pool.group, surroundings.group.members),
    tvsMembers(surroundings),
    ...loads.map(({ type, model, load }) =>
      element(`loadInformation${type}`, load, { model: model.replace(/^CP-/i, 'Cisco ') }),
    ),
    ...urls(surroundings),
  ]);
}
