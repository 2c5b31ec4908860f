// Someone begins handshakes and never ends them: others come in nevertheless.
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { GatewayProcess } from './gateway-process.ts';
import { sketchSnapshot } from './snapshot-sketch.ts';
import { connectTls, helloBytes } from './tls-client.ts';

/** More than may be under way. */
const STALLED = 1200;

test('one address that stalls more handshakes than there are places leaves some for another', async () => {
  const authority = await CertificateAuthority.create();
  const credentials = await authority.issue({ names: ['sentry.example.com'] });
  await using gateway = await GatewayProcess.start({
    content: sketchSnapshot({ listeners: [{ credentials: [credentials] }] }),
  });
  const { port } = gateway;
  const hello = await helloBytes();
  const sockets: Socket[] = [];
  const inState = (state: string) => gateway.metric(`sentry_pending_handshakes{state="${state}"}`);
  for (let i = 0; i < STALLED; i++) {
    const socket = connect({ port, host: '127.0.0.1' });
    sockets.push(socket.on('error', () => undefined));
    socket.write(hello);
  }
  await gateway.until(async () => ((await inState('queued')) ?? 0) > 500);
  const phone = await connectTls({
    port,
    servername: 'sentry.example.com',
    ca: authority.certificate,
    localAddress: '127.0.0.2',
  });
  expect(await inState('queued')).toBeGreaterThan(500);
  phone.destroy();
  for (const socket of sockets) socket.destroy();
  await gateway.until(async () => (await inState('in-flight')) === 0);
});
