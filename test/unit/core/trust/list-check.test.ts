/** What the records of a list say of themselves; lint: what is worth a word in a list that is accepted. */
import { expect, test } from 'vitest';
import { checkRecords, lintRecords } from '../../../../src/core/trust/list-check.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { decodeTrustList, type TrustList } from '../../../../src/wire/trust-list.ts';
import { a, itlRecords, role, subject } from '../../../helpers/clusters.ts';
import { day, now, party, record, trustList } from '../../../helpers/trust-builder.ts';

const crypto = createVerifier();

function decoded(records: readonly Uint8Array[]): { readonly bytes: Uint8Array; readonly list: TrustList } {
  const bytes = trustList({ by: a.sast, as: 'ITLFile.tlv', records });
  const list = decodeTrustList(bytes);
  if (!list.ok) throw new Error(list.error.message);
  return { bytes, list: list.value };
}

function lint(records: readonly Uint8Array[]): readonly string[] {
  return lintRecords(crypto, decoded(records).list, now).map(({ code, detail }) =>
    `${code} ${detail}`.trim(),
  );
}

const expired = party({ key: 'tvs-b', subject: subject('old'), serial: '0d0d0009', notAfter: now - day });

test('a whole list is worth no word', () => {
  expect(lint(itlRecords(a))).toEqual([]);
});

test('security.md §2: each remark names its record, and there is one for each', () => {
  expect(lint([...itlRecords(a), record({ role: role.tvs, of: expired })])).toEqual([
    expect.stringMatching(/^lint-record-expired record 5 at byte \d+$/),
  ]);
  expect(lint([...itlRecords(a), record({ role: role.app })])).toEqual([
    expect.stringMatching(/^lint-record-without-certificate record 5/),
  ]);
  const elsewhere = party({
    key: 'tvs-b',
    issuerKey: 'sast-b',
    subject: subject('other'),
    serial: '0d0d000a',
  });
  const lies = record({ role: role.app, of: { ...elsewhere, signature: a.tvs.signature } });
  expect(lint([...itlRecords(a), lies])).toEqual([expect.stringMatching(/^lint-record-signature record 5/)]);
});

test('domain.md §2: two SASTs at least, and somebody who signs files', () => {
  const [sast, callmanager, tftp] = itlRecords(a);
  if (!sast || !callmanager || !tftp) throw new Error('three records');
  expect(lint([sast, tftp])).toEqual(['lint-one-sast 1 SAST']);
  expect(lint([tftp])).toEqual(['lint-one-sast 0 SAST']);
  expect(lint([sast, callmanager])).toEqual(['lint-no-file-signer']);
});

test('a record twice is refused, and a right list is not', () => {
  const right = decoded(itlRecords(a));
  expect(checkRecords(crypto, right.bytes, right.list)).toBeUndefined();
  const record1 = itlRecords(a)[1];
  const twice = decoded([...itlRecords(a), ...(record1 ? [record1] : [])]);
  expect(checkRecords(crypto, twice.bytes, twice.list)?.code).toBe('record-repeated');
});
