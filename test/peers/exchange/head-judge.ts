// Judges the head of one request by itself, against RFC 9110/9112, MS-ASHTTP and what a proxy must not add.

/** A breach of a rule, before it is known whose it is. */
export interface Finding {
  readonly rule: string;
  readonly message: string;
  readonly reference: string;
}

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  /** SNI of the connection; undefined when the client sent none. */
  readonly serverName: string | undefined;
}

/** What the front end is called, to judge Host and SNI by. */
export interface FrontEndNames {
  readonly hostnames: readonly string[];
  readonly port: number;
}

export const activeSyncPath = '/Microsoft-Server-ActiveSync';
export const healthPath = `${activeSyncPath}/healthcheck.htm`;

const hopByHop = new Set([
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
]);
const proxyTraces = new Set([
  'via',
  'forwarded',
  'x-forwarded-host',
  'x-forwarded-server',
  'x-original-url',
  'x-real-ip',
]);
const single = new Set([
  'authorization',
  'content-length',
  'content-type',
  'cookie',
  'host',
  'ms-asacceptmultipart',
  'ms-asprotocolversion',
  'user-agent',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-ms-policykey',
  'x-user-identity',
]);

/** All breaches in a request head, in no particular order; empty when it is right. */
export function judgeHead(head: RequestHead, names: FrontEndNames): Finding[] {
  const headers = groupHeaders(head.rawHeaders);
  return [
    ...judgeRequestLine(head),
    ...judgeHost(head, headers, names),
    ...judgeProxyTraces(headers),
    ...judgeFraming(head, headers),
    ...judgeDuplicates(headers),
    ...judgeAuthentication(headers),
  ];
}

/** Header values by lower-case name, in the order they came. */
export function groupHeaders(rawHeaders: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const headers = new Map<string, string[]>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    const values = headers.get(name);
    if (values) values.push(rawHeaders[index + 1] as string);
    else headers.set(name, [rawHeaders[index + 1] as string]);
  }
  return headers;
}

type Headers = ReturnType<typeof groupHeaders>;

function* judgeRequestLine({ method, target, httpVersion }: RequestHead): Generator<Finding> {
  const path = target.split('?', 1)[0] ?? '';
  if (path !== activeSyncPath && path !== healthPath) {
    yield { rule: 'path', message: `the path is ${path}`, reference: 'MS-ASHTTP R15' };
  }
  if (method !== 'POST' && method !== 'OPTIONS' && method !== 'GET') {
    yield { rule: 'method', message: `the method is ${method}`, reference: 'MS-ASHTTP R10' };
  }
  if (method === 'OPTIONS' && target.includes('?')) {
    yield { rule: 'query', message: 'OPTIONS carries a query', reference: 'MS-ASHTTP 2.2.3.1.1' };
  }
  if (method === 'POST' && !target.includes('?')) {
    yield { rule: 'query', message: 'POST without a query', reference: 'MS-ASHTTP R15' };
  }
  if (httpVersion !== '1.1') {
    yield { rule: 'http-version', message: `HTTP/${httpVersion}`, reference: 'MS-ASHTTP R10' };
  }
}

function* judgeHost({ serverName }: RequestHead, headers: Headers, names: FrontEndNames): Generator<Finding> {
  const host = headers.get('host')?.[0] ?? '';
  const allowed = names.hostnames.flatMap((name) =>
    [name, `${name}:${names.port}`].slice(names.port === 443 ? 0 : 1),
  );
  if (!allowed.includes(host.toLowerCase())) {
    yield {
      rule: 'host',
      message: `Host is ${host}, not ${allowed.join(' or ')}`,
      reference: 'RFC 9110 7.2',
    };
  }
  const isAddress = /^[\d.]+(:\d+)?$|^\[/.test(host);
  if (serverName === undefined ? !isAddress : !names.hostnames.includes(serverName.toLowerCase())) {
    yield { rule: 'sni', message: `the server name is ${serverName ?? 'absent'}`, reference: 'RFC 6066 3' };
  }
}

function* judgeProxyTraces(headers: Headers): Generator<Finding> {
  for (const [name, values] of headers) {
    if (hopByHop.has(name)) {
      yield { rule: 'hop-by-hop', message: `${name} was forwarded`, reference: 'RFC 9110 7.6.1' };
    }
    if (proxyTraces.has(name)) {
      yield {
        rule: 'proxy-header',
        message: `${name}: ${values.join(', ')}`,
        reference: 'design: upstream headers',
      };
    }
  }
  for (const token of (headers.get('connection') ?? []).join(',').split(',')) {
    if (!['', 'close', 'keep-alive'].includes(token.trim().toLowerCase())) {
      yield { rule: 'hop-by-hop', message: `Connection names ${token.trim()}`, reference: 'RFC 9110 7.6.1' };
    }
  }
  if (headers.has('expect')) {
    yield {
      rule: 'expect',
      message: 'Expect was forwarded',
      reference: 'spec: Expect is answered by the gateway',
    };
  }
  for (const address of headers.get('x-forwarded-for') ?? []) {
    if (!/^[0-9a-f.:]+(, ?[0-9a-f.:]+)*$/i.test(address)) {
      yield {
        rule: 'proxy-header',
        message: `X-Forwarded-For: ${address}`,
        reference: 'spec: X-Forwarded-For',
      };
    }
  }
  for (const scheme of headers.get('x-forwarded-proto') ?? []) {
    if (scheme !== 'https') {
      yield {
        rule: 'proxy-header',
        message: `X-Forwarded-Proto: ${scheme}`,
        reference: 'spec: X-Forwarded-Proto',
      };
    }
  }
}

function* judgeFraming({ method }: RequestHead, headers: Headers): Generator<Finding> {
  const length = headers.get('content-length');
  const coding = headers.get('transfer-encoding');
  if (length && coding) {
    yield { rule: 'framing', message: 'Content-Length beside Transfer-Encoding', reference: 'RFC 9112 6.2' };
  }
  if (coding && coding.join(',').toLowerCase() !== 'chunked') {
    yield { rule: 'framing', message: `Transfer-Encoding: ${coding.join(',')}`, reference: 'RFC 9112 6.1' };
  }
  if (method === 'POST' && !length && !coding) {
    yield {
      rule: 'length',
      message: 'POST without a length',
      reference: 'RFC 9110 15.5.12 (IIS answers 411)',
    };
  }
  if (length?.[0] === '0' && headers.has('content-type')) {
    yield { rule: 'content-type', message: 'Content-Type without a body', reference: 'MS-ASHTTP R407' };
  }
}

function* judgeDuplicates(headers: Headers): Generator<Finding> {
  for (const [name, values] of headers) {
    if (single.has(name) && values.length > 1) {
      yield {
        rule: 'duplicate-header',
        message: `${name} occurs ${values.length} times`,
        reference: 'RFC 9110 5.3',
      };
    }
  }
}

function* judgeAuthentication(headers: Headers): Generator<Finding> {
  const [scheme = ''] = (headers.get('authorization')?.[0] ?? '').split(' ');
  if (['ntlm', 'negotiate'].includes(scheme.toLowerCase())) {
    yield {
      rule: 'connection-authentication',
      message: `${scheme} binds a login to a connection that may be shared`,
      reference: 'spec: NTLM, Negotiate',
    };
  }
}
