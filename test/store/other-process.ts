/** The other process of sqlite.test.ts: `tsx other-process.ts DATABASE add COUNT | die-publishing`. */
import { openStore } from '../../src/store/open-store.ts';
import { audit, crypto, device, list } from './store-values.ts';

const [, , path = '', verb, count = '0'] = process.argv;
const store = await openStore({ path, crypto });
if (verb === 'add') for (let i = 0; i < Number(count); i++) await store.addDevice(device(`SEPB${i}`));
else await store.publish([list('itl', 'half')], () => process.kill(process.pid, 'SIGKILL'), audit);
await store.close();
