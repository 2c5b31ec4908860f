// What the gateway changes of a message, all of it, each with its reason. Everything that is not named here must arrive as it was
// sent: the comparison turns a direct recording into what must be seen behind the gateway by these rules alone.
import { ACTIVESYNC_PATH } from './paths.ts';
import { type AnswerMessage, framingOf, type Line, type RequestMessage, valuesOf } from './message.ts';

export interface Places {
  /** Host of the server's URL. */
  readonly serverAuthority: string;
  /** Host that the phone named. */
  readonly gatewayAuthority: string;
  readonly clientAddress: string;
  /** What the phone sent. */
  readonly request: RequestMessage;
}

export interface Rewriting<Message> {
  /** Header or part that it concerns. */
  readonly what: string;
  readonly reason: string;
  readonly apply: (message: Message, places: Places) => Message;
}

/** Lines of one connection (RFC 9110, 7.6.1). Their framing is compared apart from them. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'upgrade',
  'proxy-connection',
  'proxy-authorization',
];

/** The lines that Connection names are of that connection, too. */
const namedByConnection = (lines: readonly Line[]): string[] =>
  valuesOf({ lines }, 'connection').flatMap((value) =>
    value.split(',').map((name) => name.trim().toLowerCase()),
  );

const ofConnection = (lines: readonly Line[]): string[] => [...HOP_BY_HOP, ...namedByConnection(lines)];

const without = (lines: readonly Line[], names: readonly string[]): Line[] =>
  lines.filter(([name]) => !names.includes(name.toLowerCase()));

export const REQUEST_REWRITINGS: readonly Rewriting<RequestMessage>[] = [
  {
    what: 'Connection, Keep-Alive, TE, Trailer, Upgrade, Proxy-Connection, Proxy-Authorization',
    reason: 'they concern one connection only (RFC 9110, 7.6.1)',
    apply: (request) => ({ ...request, lines: without(request.lines, ofConnection(request.lines)) }),
  },
  {
    what: 'Host',
    reason: 'Exchange is sent its own name: it compares it with its name space (spec: activesync.md, 2)',
    apply: (request, { serverAuthority }) => ({
      ...request,
      lines: [['Host', serverAuthority], ...without(request.lines, ['host'])],
    }),
  },
  {
    what: 'Expect',
    reason: '`100-continue` is answered by the gateway, never forwarded (spec: activesync.md, 2)',
    apply: (request) => ({ ...request, lines: without(request.lines, ['expect']) }),
  },
  {
    what: 'X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Forwarded',
    reason: 'nobody but the gateway says where a request came from (spec: activesync.md, 2)',
    apply: (request, { clientAddress }) => ({
      ...request,
      lines: [
        ...without(request.lines, ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded']),
        ['X-Forwarded-For', clientAddress],
        ['X-Forwarded-Proto', 'https'],
      ],
    }),
  },
  {
    what: 'the path',
    reason:
      'what is forwarded is a constant of the gateway, so that no spelling of it can mislead Exchange (design: Paths)',
    apply: (request) => ({ ...request, target: request.target.replace(/^[^?]*/, ACTIVESYNC_PATH) }),
  },
  {
    what: 'a POST without a length',
    reason: 'IIS answers 411 to it: the gateway says that it is empty (RFC 9110, 8.6)',
    apply: (request) => {
      const isFramed = request.lines.some(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name));
      if (request.method !== 'POST' || isFramed) return request;
      return { ...request, lines: [...request.lines, ['Content-Length', '0']] };
    },
  },
];

export const ANSWER_REWRITINGS: readonly Rewriting<AnswerMessage>[] = [
  {
    what: 'Connection, Keep-Alive, Trailer, Upgrade, Proxy-Connection',
    reason: 'they concern one connection only (RFC 9110, 7.6.1)',
    apply: (answer) => ({ ...answer, lines: without(answer.lines, ofConnection(answer.lines)) }),
  },
  {
    what: 'WWW-Authenticate: NTLM, Negotiate',
    reason:
      "they authenticate a connection: over a pool they would lend one user's login to another (spec: activesync.md, 2)",
    apply: (answer) => ({
      ...answer,
      lines: answer.lines.filter(
        ([name, value]) => name.toLowerCase() !== 'www-authenticate' || !/^(?:NTLM|Negotiate)\b/i.test(value),
      ),
    }),
  },
  {
    what: 'Connection: close',
    reason: 'said where the phone asked for it (RFC 9112, 9.6)',
    apply: (answer, { request }) => {
      if (!namedByConnection(request.lines).includes('close')) return answer;
      return { ...answer, lines: [...answer.lines, ['Connection', 'close']] };
    },
  },
  {
    what: 'an answer that ends with its connection',
    reason: "the phone's connection is kept: it gets chunks (RFC 9112, 6.3)",
    apply: (answer) => {
      const hasBody = answer.status !== 204 && answer.status !== 304;
      if (!hasBody || framingOf(answer) !== 'none') return answer;
      return { ...answer, lines: [...answer.lines, ['Transfer-Encoding', 'chunked']] };
    },
  },
];

const change = (lines: readonly Line[], names: readonly string[], to: (value: string) => string): Line[] =>
  lines.map(([name, value]): Line => [name, names.includes(name.toLowerCase()) ? to(value) : value]);

/** What a route asks for in its configuration: only there, and nothing else. */
export const CONFIGURED = {
  /** `redirects.policy: Rewrite`, the default. */
  redirectsRewrite: {
    what: 'X-MS-Location',
    reason:
      'a redirect would let the phone out of the gateway: it names the gateway (redirects.policy Rewrite; spec: activesync.md, 6)',
    apply: (answer, { gatewayAuthority }) => ({
      ...answer,
      lines: answer.lines.map(([name, value]): Line =>
        name.toLowerCase() === 'x-ms-location'
          ? [name, `https://${gatewayAuthority}${ACTIVESYNC_PATH}`]
          : [name, value],
      ),
    }),
  },
  /** `authentication.type: OAuth` unless `challenges: Pass`. */
  oauth: {
    what: 'authorization_uri in WWW-Authenticate: Bearer',
    reason: 'clients without a profile sign in through the gateway (spec: oauth.md, 7)',
    apply: (answer, { gatewayAuthority }) => {
      if (answer.status !== 401) return answer;
      const uri = `https://${gatewayAuthority}/proxyservice/default/example-com/oauth2/authorize`;
      const rewrite = (value: string): string =>
        value.startsWith('Bearer')
          ? value.replace(/authorization_uri="[^"]*"/, `authorization_uri="${uri}"`)
          : value;
      return { ...answer, lines: change(answer.lines, ['www-authenticate'], rewrite) };
    },
  },
  /** `minProtocolVersion: "16.1"`. */
  minProtocolVersion: {
    what: 'MS-ASProtocolVersions, X-MS-RP',
    reason: 'a route offers no older version than it takes (design: minProtocolVersion)',
    apply: (answer) => ({
      ...answer,
      lines: change(answer.lines, ['ms-asprotocolversions', 'x-ms-rp'], (value) =>
        value
          .split(',')
          .filter((version) => Number(version) >= 16.1)
          .join(','),
      ),
    }),
  },
} as const satisfies Readonly<Record<string, Rewriting<AnswerMessage>>>;

/** What must be seen behind the gateway where this was seen without it. */
export function rewritten<Message>(
  message: Message,
  rewritings: readonly Rewriting<Message>[],
  places: Places,
): Message {
  return rewritings.reduce((each, { apply }) => apply(each, places), message);
}
