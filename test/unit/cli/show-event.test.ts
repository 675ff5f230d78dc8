import { describe, expect, it } from 'vitest';
import type { Event } from '../../../src/base/events.ts';
import { eventText } from '../../../src/cli/show-event.ts';

describe('events as lines', () => {
  it.each<[string, Event]>([
    [
      'tftp 10.0.0.7 Ringlist.xml.sgn served, 742 bytes in 3 ms, by signed',
      {
        type: 'file-served',
        transport: 'tftp',
        address: '10.0.0.7',
        name: 'Ringlist.xml.sgn',
        bytes: 742,
        durationMs: 3.2,
        retransmits: 0,
        by: 'signed',
      },
    ],
    [
      'http 10.0.0.7 nothing.xml not found',
      {
        type: 'file-not-served',
        transport: 'http',
        address: '10.0.0.7',
        name: 'nothing.xml',
        outcome: 'not-found',
        reason: '',
        quiet: false,
      },
    ],
    ['listening tftp [::1]:6969', { type: 'listening', service: 'tftp', address: '::1', port: 6969 }],
  ])('%s', (line, event) => {
    expect(eventText(event)).toBe(line);
  });

  it('security.md §1: a name cannot draw on the terminal or forge a line', () => {
    const name = 'a\u001b[2J\r\ntftp 10.0.0.1 forged\u202e%n';
    const line = eventText({ type: 'write-refused', address: '10.0.0.7', name });
    expect(line).toBe('tftp 10.0.0.7 a\\x1b[2J\\x0d\\x0atftp 10.0.0.1 forged\\u202e%n write refused');
  });
});
