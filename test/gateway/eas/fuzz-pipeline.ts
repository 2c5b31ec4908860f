// Fuzzed bodies through the whole gateway: whatever they are, the server gets the phone's bytes, and the phone the server's answer.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CertificateAuthority } from '../../peers/certificates.ts';
import type { Random } from '../http/fuzz-inputs.ts';
import { GatewayFixture } from '../pipeline/gateway-fixture.ts';
import { basic, RawPhone, WBXML } from '../pipeline/raw-phone.ts';
import { fuzzedBody } from './fuzz-inputs.ts';

const COMMANDS = ['Ping', 'Sync', 'ItemOperations', 'FolderSync', 'Provision', 'SendMail', 'Nonsense'];

export class PipelineFuzzer {
  private readonly random: Random;
  private readonly server: Server;
  private readonly gateway: GatewayFixture;
  private readonly phone: RawPhone;

  private constructor(random: Random, server: Server, gateway: GatewayFixture) {
    this.random = random;
    this.server = server;
    this.gateway = gateway;
    this.phone = new RawPhone(gateway);
  }

  static async start(random: Random): Promise<PipelineFuzzer> {
    const server = createServer((request, response) => {
      const hash = createHash('sha256');
      request.on('data', (piece: Buffer) => hash.update(piece));
      request.on('end', () => response.end(hash.digest('hex')));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const servers = [{ name: 'mbx1', url: `http://127.0.0.1:${port}` }];
    const authority = await CertificateAuthority.create();
    return new PipelineFuzzer(
      random,
      server,
      await GatewayFixture.start({ authority, routes: [{ servers }] }),
    );
  }

  /** @throws where a body did not arrive, or its answer did not. */
  async run(requests: number): Promise<void> {
    for (let i = 0; i < requests; i++) await this.request();
    const failures = this.gateway.log.filter((line) => line.includes('a stage of the pipeline failed'));
    if (failures.length > 0) throw new Error(failures[0]);
    this.gateway.records.length = 0;
  }

  async stop(): Promise<void> {
    this.phone.close();
    await this.gateway.stop();
    this.server.close();
  }

  private async request(): Promise<void> {
    const { random } = this;
    const { bytes, contentEncoding } = fuzzedBody(random);
    const command = random.pick(COMMANDS);
    const answer = await this.phone.send({
      command,
      authorization: basic('alice@example.com'),
      headers: [
        ['MS-ASProtocolVersion', random.pick(['12.1', '14.1', '16.1'])],
        ['Content-Type', WBXML],
        ...(contentEncoding === undefined || contentEncoding === ''
          ? []
          : [['Content-Encoding', contentEncoding] as const]),
      ],
      body: random.chance(2) ? bytes : inPieces(bytes, random.below(5000) + 1),
    });
    const expected = createHash('sha256').update(bytes).digest('hex');
    if (answer.status === 200 && answer.body.toString() === expected) return;
    const logged = this.gateway.log.slice(-3).join('');
    const sent = bytes.toString('hex').slice(0, 20_000);
    throw new Error(
      `${command} ${contentEncoding}: ${answer.status} ${answer.body.toString('latin1')}; log ${logged}; sent ${sent}`,
    );
  }
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
