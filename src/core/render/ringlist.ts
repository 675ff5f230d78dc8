/** `Ringlist.xml`: the rings a user may choose from, each with the file that a phone then asks for. */
import type { Ring } from '../devices/provisioning.ts';
import { element, type XmlElement } from './xml.ts';

export function renderRinglist(rings: readonly Ring[]): XmlElement {
  return element(
    'CiscoIPPhoneRingList',
    rings.map(({ displayName, fileName }) =>
      element('Ring', [element('DisplayName', displayName), element('FileName', fileName)]),
    ),
  );
}
