/**
 * The `unsigned-over-tls` link: on 6971 a request for `SEP….cnf.xml.sgn` is answered with the unsigned file, because
 * TLS has named the server already (formats.md §6). Every other name, and every other transport, passes.
 */
import { assert } from '../base/assert.ts';
import { parseFileName } from '../core/files/file-name.ts';
import { note } from './link.ts';
import type { Link } from './link.ts';

export function createUnsignedOverTlsLink(): Link {
  return {
    name: 'unsigned-over-tls',
    async answer(lookup, below) {
      const { request, name } = lookup;
      if (request.transport !== 'https' || name.kind !== 'config' || !name.signed) return below(lookup);
      const base = parseFileName(name.base);
      assert(base.ok, 'a legal name without its suffix is legal');
      note(lookup, 'unsigned-over-tls', `answers ${base.value.asked}`);
      return below({ ...lookup, name: base.value });
    },
  };
}
