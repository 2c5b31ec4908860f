// The cases of the comparison: each an exchange to the byte, with a name that stays and the list of all that it emits.
import { CLIENTS } from '../../peers/phone/clients/clients.ts';
import type { Command } from '../../peers/phone/clients/commands.ts';
import { type ClientProfile, deviceIdOf, type ProtocolVersion } from '../../peers/phone/clients/profile.ts';
import { type ClientAsk, clientRequest } from '../../peers/phone/client-request.ts';
import { element } from '../../peers/wbxml/element.ts';
import { encode } from '../../peers/wbxml/encode.ts';
import { type ExchangeCase, HOST } from './comparison.ts';
import { type Emitted, emittedBy } from './emitted.ts';
import type { AnswerMessage, Line } from './message.ts';

/** Where the cases run; with the name of a case it is the stable name of a test. */
export const TEST_FILE = 'test/gateway/comparison/comparison.test.ts';

export interface ComparisonCase extends ExchangeCase {
  /** Stable and unique: `<client>: <command> <version> <query>` and what is particular. The test has the same name. */
  readonly name: string;
  readonly client: ClientProfile['name'];
  readonly command: Command | 'OPTIONS' | 'GET';
  readonly version: ProtocolVersion;
  readonly query: 'plain' | 'base64';
  /** All names and values in the bytes of the case. */
  readonly emits: Emitted;
}

export const WBXML = 'application/vnd.ms-sync.wbxml';

let cases = 0;

/** A first handful; the rest is generated from clients, versions, forms and commands. */
export const COMPARISON_CASES: readonly ComparisonCase[] = CLIENTS.flatMap((client) =>
  client.versions.value.map((version) => folderSync(client, version)),
);

function folderSync(client: ClientProfile, version: ProtocolVersion): ComparisonCase {
  const query = client.query.value;
  const body = encode(element('FolderHierarchy:FolderSync', element('FolderHierarchy:SyncKey', '0')));
  const answerBody = encode(element('FolderHierarchy:FolderSync', element('FolderHierarchy:Status', 1)));
  const head = clientRequest(client, askOf(client, { command: 'FolderSync', version, length: body.length }));
  const answer = answerOf(200, 'OK', [['Content-Type', WBXML]], answerBody);
  const exchange = { request: { ...head, body }, answer };
  const name = `${client.name}: FolderSync ${version} ${query}`;
  return {
    name,
    client: client.name,
    command: 'FolderSync',
    version,
    query,
    ...exchange,
    emits: emittedBy(exchange),
  };
}

function askOf(client: ClientProfile, ask: Partial<ClientAsk> & { version: string }): ClientAsk {
  cases += 1;
  const user = `user${cases}@example.com`;
  return {
    user,
    host: HOST,
    deviceId: deviceIdOf(client.deviceId.value, cases),
    authorization: `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`,
    policyKey: 1_234_567_890,
    contentType: WBXML,
    ...ask,
  };
}

function answerOf(status: number, reason: string, lines: readonly Line[], body: Buffer): AnswerMessage {
  return { status, reason, lines: [...lines, ['Content-Length', String(body.length)]], body };
}
