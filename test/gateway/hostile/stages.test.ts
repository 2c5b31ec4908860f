// A stage of the pipeline throws, whichever: that request is answered 503, no other one notices, and nothing is left of it.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { identify } from '../../../gateway/access/identity.ts';
import { Autodiscover } from '../../../gateway/autodiscover/autodiscover.ts';
import { scanRequest } from '../../../gateway/eas/request-scan.ts';
import { UpstreamPool } from '../../../gateway/http/upstream-pool.ts';
import { RequestTally } from '../../../gateway/pipeline/accounting.ts';
import { setForwardingHeaders } from '../../../gateway/pipeline/forwarding-headers.ts';
import { HeldBody } from '../../../gateway/pipeline/held-body.ts';
import { headersOf } from '../../../gateway/pipeline/own-answers.ts';
import { parseRequestLine } from '../../../gateway/pipeline/parse.ts';
import { PlainServices } from '../../../gateway/pipeline/plain-services.ts';
import { Poll } from '../../../gateway/pipeline/poll.ts';
import { pickRoute } from '../../../gateway/pipeline/served-snapshot.ts';
import { versionRefusal } from '../../../gateway/pipeline/version-gate.ts';
import { ServerHealth } from '../../../gateway/upstream/health.ts';
import { ServerChoice } from '../../../gateway/upstream/server-choice.ts';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { GatewayFixture } from '../pipeline/gateway-fixture.ts';
import { basic, pingBody, RawPhone, type RawRequest, syncBody } from '../pipeline/raw-phone.ts';

// The real functions, which can be told to throw once.
vi.mock('../../../gateway/access/identity.ts', { spy: true });
vi.mock('../../../gateway/eas/request-scan.ts', { spy: true });
vi.mock('../../../gateway/pipeline/forwarding-headers.ts', { spy: true });
vi.mock('../../../gateway/pipeline/own-answers.ts', { spy: true });
vi.mock('../../../gateway/pipeline/parse.ts', { spy: true });
vi.mock('../../../gateway/pipeline/served-snapshot.ts', { spy: true });
vi.mock('../../../gateway/pipeline/version-gate.ts', { spy: true });

const BOB = 'bob@example.com';
const ALICE = basic('alice@example.com');

interface Stage {
  /** The step of gateway/pipeline.ts, and what of it throws. */
  readonly name: string;
  readonly throws: (gateway: GatewayFixture) => { mockImplementationOnce: (broken: () => never) => unknown };
  readonly request?: RawRequest;
}

const PING: RawRequest = { command: 'Ping', body: pingBody(600) };
const AUTODISCOVER: RawRequest = {
  method: 'GET',
  target: '/autodiscover/autodiscover.json?Email=alice@example.com&Protocol=ActiveSync',
};

const STAGES: readonly Stage[] = [
  { name: 'accept: whose path it is', throws: () => vi.spyOn(PlainServices.prototype, 'of') },
  { name: 'accept: the list of requests', throws: ({ pipeline }) => vi.spyOn(pipeline.open, 'begin') },
  { name: 'parse', throws: () => vi.mocked(parseRequestLine) },
  { name: 'identify', throws: () => vi.mocked(identify) },
  { name: 'pick route', throws: () => vi.mocked(pickRoute) },
  { name: 'admit: the version', throws: () => vi.mocked(versionRefusal) },
  {
    name: 'admit: the limit of an address',
    throws: ({ pipeline }) => vi.spyOn(pipeline.unaccepted, 'enter'),
  },
  { name: 'admit: the throttle', throws: ({ pipeline }) => vi.spyOn(pipeline.throttle, 'refusal') },
  { name: 'admit: logins', throws: ({ pipeline }) => vi.spyOn(pipeline.throttle, 'loginOf') },
  {
    name: 'admit: an answer of our own',
    throws: () => vi.mocked(headersOf),
    request: { target: '/owa' },
  },
  { name: 'pick server: the choice', throws: () => vi.spyOn(ServerChoice.prototype, 'choose') },
  { name: 'pick server: the pool', throws: () => vi.spyOn(UpstreamPool.prototype, 'send') },
  { name: 'pick server: of a poll', throws: () => vi.spyOn(ServerChoice.prototype, 'choose'), request: PING },
  { name: 'stream: header lines', throws: () => vi.mocked(setForwardingHeaders) },
  { name: 'stream: the body', throws: () => vi.spyOn(HeldBody.prototype, 'push') },
  { name: 'stream: a poll', throws: () => vi.spyOn(Poll.prototype, 'read'), request: PING },
  { name: 'stream: the look at a poll', throws: () => vi.mocked(scanRequest), request: PING },
  {
    name: 'stream: the look at a Sync',
    throws: () => vi.mocked(scanRequest),
    request: { command: 'Sync', body: syncBody({ heartbeatSeconds: 600 }) },
  },
  { name: 'stream: redirects', throws: ({ pipeline }) => vi.spyOn(pipeline.redirects, 'answered') },
  { name: 'stream: health', throws: () => vi.spyOn(ServerHealth.prototype, 'answered') },
  { name: 'stream: the census of devices', throws: ({ pipeline }) => vi.spyOn(pipeline.census, 'add') },
  { name: 'stream: the census of versions', throws: ({ pipeline }) => vi.spyOn(pipeline.versions, 'add') },
  { name: 'stream: the throttle', throws: ({ pipeline }) => vi.spyOn(pipeline.throttle, 'answered') },
  {
    name: 'Autodiscover: whose it is',
    throws: () => vi.spyOn(Autodiscover.prototype, 'has'),
    request: AUTODISCOVER,
  },
  {
    name: 'Autodiscover: its answer',
    throws: () => vi.spyOn(Autodiscover.prototype, 'answer'),
    request: AUTODISCOVER,
  },
];

describe('an exception', () => {
  let authority: CertificateAuthority;
  let exchange: Exchange;
  let gateway: GatewayFixture;
  let phone: RawPhone;
  let other: Phone;
  let sinkThrows = false;

  beforeAll(async () => {
    authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0 },
      users: [
        { name: 'alice@example.com', password: 'secret' },
        { name: 'bob@example.com', password: 'secret' },
      ],
    });
  });

  beforeEach(async () => {
    sinkThrows = false;
    gateway = await GatewayFixture.start({
      authority,
      routes: [
        { match: { domains: ['example.com'] }, servers: [{ name: 'mbx1', url: exchange.frontEnd().url }] },
      ],
      limits: { maxUnacceptedRequestsPerAddress: 2 },
      pipeline: {
        sink: {
          requestFinished() {
            if (sinkThrows) throw new TypeError('broken');
          },
        },
      },
    });
    phone = new RawPhone(gateway);
    other = new Phone({ ...gateway.forPhones, user: BOB, password: 'secret' });
    await other.provision();
    await other.folderSync();
    await other.sync();
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    phone.close();
    other.close();
    await gateway.stop();
  });

  afterAll(() => exchange.close());

  const folderSync = (from: RawPhone) =>
    from.send({ command: 'FolderSync', authorization: ALICE, body: new Uint8Array(3) });

  /** A poll of somebody else that is open while something is done, and is then answered as if nothing had been. */
  async function besideAPoll(during: () => Promise<void>): Promise<void> {
    const waiting = other.ping(600);
    await gateway.until(() => gateway.pipeline.open.polls === 1, 'the poll of somebody else is open');
    await during();
    expect(gateway.pipeline.open.polls).toBe(1);
    exchange.organisation.deliver(BOB, { subject: 'x', body: 'x' });
    expect(await waiting).toMatchObject({ kind: 'changed' });
    expect(other.report.summary()).toMatchObject({ lost: 0, connections: 1 });
  }

  /** Nothing under way, nothing counted against this address. */
  async function nothingIsLeft(): Promise<void> {
    for (let count = 0; count < 3; count++) {
      const another = new RawPhone(gateway);
      expect((await folderSync(another)).status).not.toBe(503);
      another.close();
    }
    await gateway.until(() => gateway.pipeline.open.polls === 0);
    await gateway.pipeline.drain({ seconds: 30 });
  }

  test.for(STAGES)('in the stage "$name" is a 503 of that request and nothing else', async (stage) => {
    await besideAPoll(async () => {
      stage.throws(gateway).mockImplementationOnce(() => {
        throw new TypeError('broken by alice@example.com');
      });
      const answer = await phone.send({
        authorization: ALICE,
        command: 'FolderSync',
        deviceId: `device${STAGES.indexOf(stage)}`,
        ...stage.request,
        ...(stage.request?.target === undefined &&
          stage.request?.body === undefined && { body: new Uint8Array(3) }),
      });
      expect([answer.status, answer.header('retry-after')]).toEqual([503, '30']);
      expect((await folderSync(phone)).status).not.toBe(503);
    });
    const failures = gateway.log.filter((line) => line.includes('a stage of the pipeline failed'));
    expect(failures).toHaveLength(1);
    expect(failures[0]).not.toContain('alice');
    await nothingIsLeft();
  });

  test.for<[string, () => void]>([
    ['the sink', () => (sinkThrows = true)],
    ['the record', () => vi.spyOn(RequestTally.prototype, 'record').mockImplementationOnce(broken)],
  ])('in the last stage, account (%s), comes after the answer and changes nothing', async ([, arm]) => {
    await besideAPoll(async () => {
      await folderSync(phone);
      const connections = vi.spyOn(gateway.pipeline, 'connection');
      arm();
      const { status } = await folderSync(phone);
      expect(status).not.toBe(503);
      sinkThrows = false;
      expect((await folderSync(phone)).status).toBe(status);
      expect(connections).not.toHaveBeenCalled();
    });
    expect(gateway.log.some((line) => line.includes('a stage of the pipeline failed'))).toBe(true);
    await nothingIsLeft();
  });
});

function broken(): never {
  throw new TypeError('broken by alice@example.com');
}
