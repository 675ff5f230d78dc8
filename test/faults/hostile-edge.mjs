// An edge that was taken over: says what it was told to say, then reports every answer it got.
const [mode] = process.argv.slice(2);
const answers = [];
process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  if (message.type === 'start') {
    process.send({ type: 'started', listening: [] });
    for (const [id, said] of sayings(mode).entries()) process.send({ id: id + 1, ...said });
    return;
  }
  if (message.type === 'resolution') answers.push(message);
  if (message.type === 'stop') process.exit(0);
  if (answers.length > 20) return;
  // The only way out that the protocol leaves is to ask for a name; the test reads what was asked from its resolver.
  process.send({
    type: 'resolve',
    id: 1_000_000 + answers.length,
    request: {
      name: `answer-${message.id}-${message.resolution?.kind}`,
      transport: 'tftp',
      address: '127.0.0.1',
      port: 1,
    },
  });
});

function sayings(which) {
  const evil = Buffer.from('<device><sshUserId>evil</sshUserId></device>');
  const ask = (name, more = {}) => ({
    type: 'resolve',
    request: { name, transport: 'tftp', address: '127.0.0.1', port: 1, ...more },
  });
  switch (which) {
    case 'asks':
      return [
        ask('evil.xml.sgn', { content: evil, bytes: evil }),
        ask('../keys/evil.xml.sgn'),
        ask('ITLFile.tlv.sgn'),
        ask('Ringlist.xml.sgn.sgn'),
        ask('Ringlist.xml.sgn'),
      ];
    case 'sign':
      return [{ type: 'sign', content: evil, name: 'SEP001122334455.cnf.xml' }];
    case 'resolution':
      return [
        { type: 'resolution', resolution: { kind: 'served', content: { kind: 'memory', bytes: evil } } },
      ];
    case 'name-object':
      return [ask({ file: 'x' })];
    case 'long-name':
      return [ask('x'.repeat(100_000))];
    case 'wrong-port':
      return [ask('Ringlist.xml', { port: 70_000 })];
    case 'not-a-record':
      return [];
    default:
      throw new Error(`unknown mode ${which}`);
  }
}
if (mode === 'not-a-record') setTimeout(() => process.send('sign this'), 50);
