/**
 * The server's events as a person reads them, one line each; names from outside are made printable.
 * Under `--json` the event itself is the line.
 */
import { unreachable } from '../base/assert.ts';
import type { Event } from '../base/events.ts';
import { printable } from '../base/text.ts';
import type { Output } from './output.ts';
import { formatEndpoint } from './words.ts';

export interface EventView {
  /** Tell the misses that every booting phone makes, too. */
  readonly verbose: boolean;
}

export function printEvent(output: Output, event: Event, { verbose }: EventView, now: Date): void {
  if (event.type === 'file-not-served' && event.quiet && !verbose) return;
  if (output.json) output.jsonLine({ time: now.toISOString(), ...event });
  else if (event.type === 'warning') output.warn(printable(event.message));
  else output.line(`${output.style('dim', now.toISOString().slice(11, 19))} ${eventText(event)}`);
}

export function eventText(event: Event): string {
  switch (event.type) {
    case 'file-served': {
      const again = event.retransmits === 0 ? '' : `, ${event.retransmits} resent`;
      const what = `${event.bytes} bytes in ${Math.round(event.durationMs)} ms${again}`;
      return `${event.transport} ${asked(event)} served, ${what}, by ${event.by}`;
    }
    case 'file-not-served': {
      const why = event.reason === '' ? '' : ` (${printable(event.reason)})`;
      return `${event.transport} ${asked(event)} ${event.outcome.replaceAll('-', ' ')}${why}`;
    }
    case 'transfer-ended':
      return `tftp ${asked(event)} ${event.outcome.replaceAll('-', ' ')} (${printable(event.reason)})`;
    case 'write-refused':
      return `tftp ${asked(event)} write refused`;
    case 'names-guessed':
      return `${event.address} asks for many names that nobody has (${event.distinctNames} in a minute); it is slowed down`;
    case 'packet-malformed':
      return `tftp ${event.address} sent no TFTP packet (${printable(event.reason)})`;
    case 'link-failed':
      return `${event.link} failed for ${printable(event.name)}: ${printable(event.reason)}`;
    case 'listening':
      return `listening ${event.service} ${formatEndpoint(event.address, event.port)}`;
    case 'warning':
      return `warning: ${printable(event.message)}`;
    default:
      return unreachable(event);
  }
}

function asked({ address, name }: { readonly address: string; readonly name: string }): string {
  return `${address} ${printable(name)}`;
}
