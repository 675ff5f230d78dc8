/** The text of a peer's address: an IPv4 peer of a dual-stack socket looks like an IPv4 peer. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}
