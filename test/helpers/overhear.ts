/** After each test of each file: what our programs said (listening.ts) held no secret. */
import { afterEach } from 'vitest';
import { takeFound } from './listening.ts';

afterEach(() => {
  const told = takeFound();
  if (told.length > 0) throw new Error(`a program said ${told.join(', ')}`);
});
