/**
 * Which builder a device gets, from its name and model, and the device type numbers under which
 * XMLDefault.cnf.xml lists loads (SCCP's device types; CUCM writes them as `loadInformation<type>`).
 */
export type Family = '79xx' | '78xx' | '88xx' | 'ata' | 'gateway';

export function familyOf(device: { readonly name: string; readonly model: string }): Family {
  if (/^ATA[0-9A-F]{12}$/i.test(device.name)) return 'ata';
  if (!/^(?:SEP[0-9A-F]{12}|(?:CSF|TCT|BOT|TAB)[0-9A-Z._-]{1,12})$/i.test(device.name)) return 'gateway';
  const number = modelNumber(device.model) ?? '';
  if (number.startsWith('79')) return '79xx';
  // What is neither speaks the dialect of the newest: 69xx, 89xx, 99xx and soft phones take its elements.
  return number.startsWith('78') ? '78xx' : '88xx';
}

/** `7962` of `CP-7962G`. */
function modelNumber(model: string): string | undefined {
  return /^(?:CP-)?(\d{4})/i.exec(model)?.[1];
}

/** SCCP device types by model number. */
const deviceTypes: Readonly<Record<string, number>> = {
  7821: 621,
  7841: 622,
  7861: 623,
  7811: 36213,
  7832: 36247,
  7905: 20000,
  7906: 369,
  7910: 6,
  7911: 307,
  7912: 30007,
  7931: 348,
  7940: 8,
  7941: 115,
  7942: 434,
  7945: 435,
  7960: 7,
  7961: 30018,
  7962: 404,
  7965: 436,
  7970: 30006,
  7971: 119,
  7975: 437,
  8811: 36217,
  8831: 659,
  8832: 36258,
  8841: 683,
  8845: 36224,
  8851: 684,
  8861: 685,
  8865: 36225,
  8961: 540,
  9951: 537,
  9971: 493,
};

/** Undefined for a model that has none known: its load cannot be listed for unknown phones. */
export function deviceTypeOf(model: string): number | undefined {
  return deviceTypes[modelNumber(model) ?? ''];
}
