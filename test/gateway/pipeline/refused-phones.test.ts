// Each kind of phone before each refusal of the gateway: it does what its kind does, and mail goes on where it may.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Command } from '../../../gateway/eas/commands.ts';
import { type Refusal, wipeAnswer } from '../../../gateway/eas/refusals.ts';
import { versionOfHeader } from '../../../gateway/eas/versions.ts';
import type { RequestSink, ServerExchange } from '../../../gateway/http/exchange.ts';
import { HeaderList } from '../../../gateway/http/headers.ts';
import { headersOf, refused } from '../../../gateway/pipeline/own-answers.ts';
import { parseRequestLine } from '../../../gateway/pipeline/parse.ts';
import type { PhoneConnection } from '../../../gateway/pipeline/phone-connection.ts';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { CLIENTS } from '../../peers/phone/clients/clients.ts';
import type { ClientProfile } from '../../peers/phone/clients/profile.ts';
import { HttpFailure } from '../../peers/phone/eas-client.ts';
import { EasFailure, Phone } from '../../peers/phone/phone.ts';
import { reactionTo } from '../../peers/phone/reactions.ts';
import { GatewayFixture, type Handler } from './gateway-fixture.ts';

const ALICE = 'alice@example.com';
type PhoneExchange = ServerExchange<PhoneConnection>;
const IGNORED: RequestSink = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

/** Stands where a policy will: refuses so many times what it is told to refuse, by the gateway's own answers. */
class Gate implements Handler {
  /** All commands that came, refused or not. */
  readonly seen: string[] = [];
  private reason: Refusal | undefined;
  private times = 0;
  private readonly pipeline: Handler;

  constructor(pipeline: Handler) {
    this.pipeline = pipeline;
  }

  refuse(reason: Refusal | undefined, times = 0): void {
    this.reason = reason;
    this.times = times;
    this.seen.length = 0;
  }

  onRequest(exchange: PhoneExchange): RequestSink {
    const { method, target, headers } = exchange.request;
    const asked = parseRequestLine(method, target);
    const command: Command | '' = 'status' in asked ? '' : asked.command;
    this.seen.push(command === '' ? method : command);
    if (this.reason === undefined || 'status' in asked || command === '')
      return this.pipeline.onRequest(exchange);
    const version = asked.version || versionOfHeader(headers.get('ms-asprotocolversion'));
    if (command === 'Provision') return this.provision(exchange);
    if (this.times-- <= 0) return this.pipeline.onRequest(exchange);
    const own = refused(this.reason, command, version);
    exchange.respond(own.status, headersOf(own), own.body);
    return IGNORED;
  }

  private provision(exchange: PhoneExchange): RequestSink {
    if (this.reason !== 'WipeRequested') {
      return this.pipeline.onRequest(exchange);
    }
    const { status, contentType, body } = wipeAnswer(false);
    exchange.respond(status, HeaderList.of(['Content-Type', contentType]), body);
    return IGNORED;
  }
}

/** What became of a FolderSync of this phone. */
async function outcome(phone: Phone): Promise<unknown> {
  return phone.folderSync().then(
    () => 'served',
    (error: unknown) => error,
  );
}

/** `served`, or the failure with its status. */
function said(end: unknown): string {
  if (end instanceof HttpFailure) return `HTTP ${end.status}`;
  return end instanceof EasFailure ? `${end.command} ${end.status}` : String(end);
}

describe.each(CLIENTS.map((client) => [client.name, client] as const))('%s', (_, client: ClientProfile) => {
  let exchange: Exchange;
  let gateway: GatewayFixture;
  let gate: Gate;
  let phones: Phone[] = [];

  beforeAll(async () => {
    const authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0 },
      users: [{ name: ALICE, password: 'secret' }],
    });
    gateway = await GatewayFixture.start({
      authority,
      routes: [{ servers: [{ name: 'mbx1', url: exchange.frontEnd().url }] }],
      before: (pipeline) => (gate = new Gate(pipeline)),
    });
  });
  afterEach(() => {
    gate.refuse(undefined);
    for (const phone of phones) phone.close();
    phones = [];
  });
  afterAll(async () => {
    await gateway.stop();
    exchange.close();
  });

  const newPhone = (): Phone => {
    const phone = new Phone({ ...gateway.forPhones, user: ALICE, password: 'secret', client });
    phones.push(phone);
    return phone;
  };
  /** A phone whose account is set up. */
  const settled = async (): Promise<Phone> => {
    const phone = newPhone();
    await phone.folderSync();
    return phone;
  };
  const isOld = Number(client.versions.value.at(-1)) < 14;

  test.each(['Blocked', 'TooManyDevices'] as const)('%s: is told what is the matter', async (reason) => {
    const phone = await settled();
    gate.refuse(reason, Infinity);
    const status = ({ Blocked: 129, TooManyDevices: 177 } as const)[reason];
    const failure = await outcome(phone);
    expect(said(failure)).toBe(isOld ? 'HTTP 403' : `FolderSync ${status}`);
    const expected = isOld ? client.reactions['403'] : client.reactions[`status ${status}`];
    expect(reactionTo(client, failure)).toBe(expected.value);
    const times = expected.value === 'repeat at once' ? 2 : 1;
    expect(gate.seen.filter((command) => command === 'FolderSync')).toHaveLength(times);
  });

  test('WipeRequested: takes the wipe from Provision and acknowledges it', async () => {
    const phone = await settled();
    gate.refuse('WipeRequested', 1);
    const first = await outcome(phone);
    const reaction = client.reactions[isOld ? '449' : 'status 140'].value;
    const wipes = reaction === 'wipe' || reaction === 'provision';
    expect(said(first)).toBe(wipes ? 'Provision 140' : 'served');
    expect(gate.seen).toEqual(
      wipes ? ['FolderSync', 'Provision', 'Provision'] : ['FolderSync', 'FolderSync'],
    );
  });

  test.each(['NotProvisioned', 'PolicyRefresh', 'InvalidPolicyKey'] as const)(
    '%s: takes its policy anew, and goes on',
    async (reason) => {
      const phone = await settled();
      gate.refuse(reason, 1);
      expect(await outcome(phone)).toBe('served');
      expect(gate.seen).toEqual(['FolderSync', 'Provision', 'Provision', 'FolderSync']);
    },
  );

  test('VersionNotSupported: asks for the versions and takes one that is offered, or ends', async () => {
    const phone = newPhone();
    const newest = Number(phone.protocolVersion);
    phone.protocolVersion = isOld ? phone.protocolVersion : '14.1';
    await phone.folderSync();
    gateway.apply([
      { servers: [{ name: 'mbx1', url: exchange.frontEnd().url }], minProtocolVersion: '16.0' },
    ]);
    const end = await outcome(phone);
    gateway.apply([{ servers: [{ name: 'mbx1', url: exchange.frontEnd().url }] }]);
    const speaksIt = newest >= 16;
    expect(said(end)).toBe(speaksIt ? 'served' : isOld ? 'HTTP 400' : 'FolderSync 138');
    expect(Number(phone.protocolVersion)).toBe(speaksIt ? newest : isOld ? newest : 14.1);
  });

  test.each(['ServerErrorRetryLater', 'Busy'] as const)(
    '%s: comes back later, and is served',
    async (reason) => {
      const phone = await settled();
      gate.refuse(reason, 1);
      const failure = await outcome(phone);
      const isHttp = isOld || reason === 'Busy';
      const reaction = client.reactions[isHttp ? '503' : 'status 111'].value;
      const repeats = reaction === 'repeat at once';
      expect(said(failure)).toBe(repeats ? 'served' : isHttp ? 'HTTP 503' : 'FolderSync 111');
      const seconds = failure instanceof HttpFailure ? (failure.retryAfterSeconds ?? 0) : 30;
      expect([seconds >= 30, seconds <= 45]).toEqual([true, true]);
      expect(await outcome(phone)).toBe('served');
      expect(phone.report.summary().lost).toBe(0);
    },
  );
});
