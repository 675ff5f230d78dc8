/** The process that durable.test.ts traces: `durable-process.ts write FILE | publish DATABASE`. */
import { writeSync } from 'node:fs';
import { writeDurably } from '../../src/store/durable.ts';
import { openStore } from '../../src/store/open-store.ts';
import { audit, crypto, list } from './store-values.ts';

const [, , verb, path = ''] = process.argv;
if (verb === 'write') writeDurably(path, Buffer.from('secret'), 0o600);
else {
  const store = await openStore({ path, create: true, crypto });
  await store.publish([list('itl', 'x')], () => undefined, audit);
  writeSync(1, 'published\n');
  await store.close();
}
