// The certificates of the simulated peers, judged by node:tls.
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { CertificateAuthority, type Credentials } from './certificates.ts';

describe('the certificate authority of the peers', () => {
  it.each(['ecdsa', 'rsa'] as const)(
    'issues %s certificates that node:tls accepts for their names',
    async (algorithm) => {
      const authority = await CertificateAuthority.create();
      const credentials = await authority.issue({ names: ['mbx1.corp.example.com', '127.0.0.1'], algorithm });
      expect(new X509Certificate(credentials.cert).publicKey.asymmetricKeyType).toBe(
        algorithm === 'rsa' ? 'rsa' : 'ec',
      );
      await expect(handshake(credentials, authority.certificate, 'mbx1.corp.example.com')).resolves.toBe(
        true,
      );
      await expect(handshake(credentials, authority.certificate, 'mbx2.corp.example.com')).rejects.toThrow(
        /altnames/,
      );
    },
  );

  it('is not trusted in place of another one', async () => {
    const [one, other] = [await CertificateAuthority.create(), await CertificateAuthority.create()];
    const credentials = await one.issue({ names: ['localhost'] });
    await expect(handshake(credentials, other.certificate, 'localhost')).rejects.toThrow(/certificate/);
  });

  it('is the same for every process that loads one folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'peers-ca-'));
    const loaded = await Promise.all(Array.from({ length: 5 }, () => CertificateAuthority.load(folder)));
    const [first, second] = [loaded[0], await CertificateAuthority.load(folder)];
    await rm(folder, { recursive: true });
    expect(new Set(loaded.map(({ certificate }) => certificate)).size).toBe(1);
    expect(second.certificate).toBe(first?.certificate);
    const credentials = await second.issue({ names: ['localhost'] });
    await expect(handshake(credentials, second.certificate, 'localhost')).resolves.toBe(true);
  });
});

async function handshake(credentials: Credentials, ca: string, servername: string): Promise<boolean> {
  const server = createServer({ ...credentials }).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket: TLSSocket) => socket.on('error', () => undefined));
  await once(server, 'listening');
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', ca, servername });
  try {
    await once(socket, 'secureConnect');
    return socket.authorized;
  } finally {
    socket.destroy();
    server.close();
  }
}
