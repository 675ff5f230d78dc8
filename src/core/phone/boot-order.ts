/**
 * Which files a booting phone asks for, and in which order (domain.md §3). One stage is a set of names of which the
 * first that is found ends it. With a list a phone asks for `.sgn` names only; without one for plain names.
 */
import { decodeLatin1, decodeUtf8 } from '../../base/text.ts';
import { parseFileName } from '../files/file-name.ts';
import { scanElements } from './config-scan.ts';

export type Purpose = 'ctl' | 'itl' | 'config' | 'load' | 'file';

export interface Stage {
  readonly purpose: Purpose;
  /** Asked one after the other until one is found. */
  readonly names: readonly string[];
  /** A phone that refuses or misses it is not the phone its administrator wants. */
  readonly needed: 'found' | 'not-refused' | 'no';
}

/** Trust lists first: the device's own name, then the cluster's. A miss of either is normal. */
export function listStages(device: string): readonly Stage[] {
  return [
    { purpose: 'ctl', names: [`CTL${device}.tlv`, 'CTLFile.tlv'], needed: 'not-refused' },
    { purpose: 'itl', names: [`ITL${device}.tlv`, 'ITLFile.tlv'], needed: 'not-refused' },
  ];
}

export function configStage(device: string, signed: boolean): Stage {
  const names = signed
    ? [`${device}.cnf.xml.enc.sgn`, `${device}.cnf.xml.sgn`, 'XMLDefault.cnf.xml.sgn']
    : [`${device}.cnf.xml`, 'XMLDefault.cnf.xml'];
  return { purpose: 'config', names, needed: 'found' };
}

/** What follows an accepted configuration: the load, cluster-bound files, those it names, the ring list. */
export function fileStages(config: Uint8Array | undefined, signed: boolean): readonly Stage[] {
  const named = config ? filesNamedIn(config) : undefined;
  if (named === undefined) return [];
  const suffix = signed ? '.sgn' : '';
  const file = (name: string, needed: Stage['needed']): Stage => ({
    purpose: 'file',
    names: [`${name}${suffix}`],
    needed,
  });
  return [
    ...named.loads.map((load): Stage => ({ purpose: 'load', names: [`${load}.loads`], needed: 'no' })),
    file('AppDialRules.xml', 'not-refused'),
    ...named.files.map((name) => file(name, 'not-refused')),
    file('Ringlist.xml', 'no'),
  ];
}

interface NamedFiles {
  readonly loads: readonly string[];
  readonly files: readonly string[];
}

const fileElements = ['softKeyFile', 'dialTemplate', 'featurePolicyFile'];
const wanted = new Set(['loadInformation', ...fileElements]);

/** An encrypted configuration cannot be read here and names nothing; so does one that is not well-formed. */
function filesNamedIn(config: Uint8Array): NamedFiles {
  const found = scanElements(decodeUtf8(config) ?? decodeLatin1(config), wanted);
  const names = (element: string): readonly string[] =>
    (found?.get(element) ?? []).filter((name) => parseFileName(name).ok);
  return { loads: names('loadInformation').slice(0, 1), files: [...new Set(fileElements.flatMap(names))] };
}
