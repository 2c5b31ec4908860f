// From a request that was read whole to its reply: authentication, version, device, provisioning, command.
import { decode, WbxmlError } from '../wbxml/decode.ts';
import type { Element } from '../wbxml/element.ts';
import { authenticate, challenges } from './authentication.ts';
import { handlers } from './commands/command-table.ts';
import { judgeDevice } from './device-judge.ts';
import type { Device } from './device.ts';
import { activeSyncPath, healthPath, type Finding } from './head-judge.ts';
import type { KindTraits } from './kinds.ts';
import type { Mailbox } from './mailbox.ts';
import { offer } from './offer.ts';
import type { Organisation } from './organisation.ts';
import { QueryError, type EasQuery } from './query.ts';
import { statusReply, type Reply } from '../server/reply.ts';
import { refuseThrottled } from './throttle.ts';
import { ContentError, rootOf, statusOnly, type Transaction } from './transaction.ts';

export interface Incoming {
  readonly organisation: Organisation;
  readonly frontEnd: string;
  readonly method: string;
  readonly path: string;
  /** The query of a POST, or why it could not be read. */
  readonly query: EasQuery | QueryError;
  /** The value of a header, the first of several. */
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
  readonly gone: AbortSignal;
  readonly violate: (finding: Finding) => void;
}

/** Answers as Exchange does; every breach of the specification on the way is also reported. */
export async function respond(incoming: Incoming): Promise<Reply> {
  const { organisation, method, path, query } = incoming;
  if (path.toLowerCase() === healthPath.toLowerCase())
    return statusReply(200, [], `200 OK<br/>${incoming.frontEnd}`);
  if (path.toLowerCase() !== activeSyncPath.toLowerCase()) return statusReply(404);
  const anonymousLocation = organisation.kind?.anonymousLocation.value;
  if (anonymousLocation !== undefined && incoming.header('authorization') === undefined)
    return statusReply(451, [['X-MS-Location', anonymousLocation]]);
  const authentication = await authenticate(incoming.header('authorization'), organisation);
  if (authentication.kind === 'challenge') return unauthorized(organisation, authentication.diagnostics);
  if (method === 'OPTIONS') return options(organisation);
  if (method !== 'POST') return statusReply(501);
  if (query instanceof QueryError) {
    incoming.violate({ rule: 'query', message: query.message, reference: 'MS-ASHTTP 2.2.1.1.1' });
    return statusReply(400);
  }
  const { mailbox, scheme } = authentication;
  return command(incoming, query, mailbox, scheme);
}

async function command(
  incoming: Incoming,
  query: EasQuery,
  mailbox: Mailbox,
  scheme: 'Basic' | 'Bearer',
): Promise<Reply> {
  const { organisation } = incoming;
  const version = versionOf(incoming, query);
  if (typeof version !== 'number') return version;
  const device = organisation.device(mailbox.user, query.deviceId, query.deviceType);
  const findings = judgeDevice(
    device,
    {
      deviceType: query.deviceType,
      userAgent: incoming.header('user-agent'),
      cookie: incoming.header('cookie'),
      queryUser: query.user,
      returnsCookies: version >= 16 || scheme === 'Bearer',
    },
    organisation,
  );
  for (const finding of findings) incoming.violate(finding);
  judgeContentType(incoming, query, version);
  const throttled = await refuseThrottled(incoming, query, device);
  const reply = throttled ?? (await execute(incoming, query, { mailbox, device, version }));
  return withCookies(reply, device, organisation);
}

async function execute(
  incoming: Incoming,
  query: EasQuery,
  known: { mailbox: Mailbox; device: Device; version: number },
): Promise<Reply> {
  const { device, version } = known;
  const policyKey = policyKeyOf(incoming, query);
  const refusal = refuseDevice(device, query.command, version);
  if (refusal) return refusal;
  if (incoming.organisation.provisioning && query.command !== 'Provision') {
    // Android's own client names no key in a Ping: com.android.exchange.eas.EasPing.
    const isKeyless = query.command === 'Ping' && policyKey === undefined && device.policyKey !== undefined;
    const status = isKeyless ? undefined : provisioningStatus(device, policyKey);
    if (status !== undefined) return version < 14 ? statusReply(449) : statusOnly(query.command, status);
  }
  const handler = handlers[query.command];
  if (!handler) return version < 14 ? statusReply(501) : statusOnly(query.command, 137);
  try {
    const document = documentOf(incoming, query, version);
    const acceptMultiPart = query.acceptMultiPart || incoming.header('ms-asacceptmultipart') === 'T';
    const { organisation, frontEnd, body, gone } = incoming;
    const transaction: Transaction = {
      ...known,
      organisation,
      frontEnd,
      body,
      gone,
      query,
      policyKey,
      acceptMultiPart,
      document,
      violate: (finding) => incoming.violate(finding),
    };
    return await handler(transaction);
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    incoming.violate({ rule: 'content', message: error.message, reference: `MS-ASCMD ${query.command}` });
    return version < 14 && error.status >= 100 ? statusReply(400) : statusOnly(query.command, error.status);
  }
}

function documentOf({ body, violate }: Incoming, query: EasQuery, version: number): Element | undefined {
  if (body.length === 0 || (version < 14 && takesMessage(query.command))) return undefined;
  try {
    const root = decode(body);
    if (root.tag === rootOf(query.command)) return root;
    throw new ContentError(`the root of ${query.command} is ${root.tag}`);
  } catch (error) {
    if (!(error instanceof WbxmlError)) throw error;
    violate({ rule: 'wbxml', message: error.message, reference: 'MS-ASWBXML' });
    throw new ContentError(error.message, 102);
  }
}

function takesMessage(command: string): boolean {
  return command === 'SendMail' || command === 'SmartForward' || command === 'SmartReply';
}

function judgeContentType({ header, body, violate }: Incoming, query: EasQuery, version: number): void {
  if (body.length === 0) return;
  const allowed =
    version < 14 && takesMessage(query.command)
      ? ['message/rfc822']
      : ['application/vnd.ms-sync.wbxml', 'application/vnd.ms-sync'];
  const type = header('content-type');
  if (type !== undefined && allowed.includes(type.toLowerCase())) return;
  violate({
    rule: 'content-type',
    message: `the Content-Type of ${query.command} is ${type ?? 'absent'}`,
    reference: 'MS-ASHTTP R143',
  });
}

/** The version as a number, or the answer to one that is not let in. */
function versionOf({ header, violate, organisation }: Incoming, query: EasQuery): number | Reply {
  const inHeader = header('ms-asprotocolversion');
  if (query.encoding === 'base64' && inHeader !== undefined) {
    violate({
      rule: 'version',
      message: 'MS-ASProtocolVersion beside a base64 query',
      reference: 'MS-ASHTTP R408',
    });
  }
  const version = query.protocolVersion ?? inHeader;
  if (version !== undefined && organisation.acceptedVersions.includes(version)) return Number(version);
  if (version !== undefined && organisation.kind !== undefined) {
    const { http, status } = organisation.kind.versionRefusal.value;
    return Number(version) < 14 ? statusReply(http) : statusOnly(query.command, status);
  }
  violate({
    rule: 'version',
    message: `the protocol version is ${version ?? 'absent'}`,
    reference: 'MS-ASHTTP R158, R404',
  });
  return statusReply(400);
}

function policyKeyOf({ header, violate }: Incoming, query: EasQuery): number | undefined {
  const inHeader = header('x-ms-policykey');
  if (inHeader === undefined) return query.policyKey;
  const key = Number(inHeader);
  const valid = /^\d+$/.test(inHeader) && key < 2 ** 32 && query.encoding === 'plain';
  if (valid) return key;
  violate({
    rule: 'policy-key',
    message: `X-MS-PolicyKey: ${inHeader} with a ${query.encoding} query`,
    reference: 'MS-ASHTTP R159, R160',
  });
  return query.policyKey;
}

/** Status 142 to 144 of MS-ASCMD 2.2.2: what is wrong with the policy key; undefined when nothing is. */
function provisioningStatus(device: Device, policyKey: number | undefined): number | undefined {
  if (device.policyKey === undefined || policyKey === undefined || policyKey === 0) return 142;
  if (device.policyOutdated) return 143;
  return policyKey === device.policyKey ? undefined : 144;
}

function refuseDevice(device: Device, command: string, version: number): Reply | undefined {
  if (device.blocked) return version < 14 ? statusReply(403) : statusOnly(command, 129);
  if (device.wipe !== 'requested' || command === 'Provision') return undefined;
  return version < 14 ? statusReply(449) : statusOnly(command, 140);
}

function options(organisation: Organisation): Reply {
  return statusReply(200, [['Allow', 'OPTIONS,POST'], ['Public', 'OPTIONS,POST'], ...offer(organisation)]);
}

function unauthorized(organisation: Organisation, diagnostics: string): Reply {
  const lines = challenges(organisation).map((line) => ['WWW-Authenticate', line] as const);
  return statusReply(401, [...lines, ['x-ms-diagnostics', diagnostics]]);
}

/** Offers the device its cookies until it has returned them. */
function withCookies(reply: Reply, device: Device, { kind, now }: Organisation): Reply {
  if (device.cookieReturned) return reply;
  device.cookieOffers += 1;
  const expires = new Date(now().getTime() + 30 * 86_400_000).toUTCString();
  const lines = device.cookies.map(
    ({ name, value }) =>
      ['Set-Cookie', `${name}=${value}; ${attributesOf(name, kind).replace('{expires}', expires)}`] as const,
  );
  return { ...reply, headers: [...reply.headers, ...lines] };
}

const usualAttributes = `expires={expires}; path=${activeSyncPath}; secure; HttpOnly`;

function attributesOf(name: string, kind: KindTraits | undefined): string {
  return kind?.cookies.value.find((form) => form.name === name)?.attributes ?? usualAttributes;
}
