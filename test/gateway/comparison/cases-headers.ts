// Cases about heads: every header that the specification names, in both directions, and the first requests of an account.
import type { ClientProfile } from '../../peers/phone/clients/profile.ts';
import { type CaseSketch, type ComparisonCase, comparisonCase } from './case-writer.ts';
import type { Line, RequestMessage } from './message.ts';

const BEARER =
  'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", trusted_issuers="00000001-0000-0000-c000-000000000000@*", token_types="app_asserted_user_v1 service_asserted_app_v1", authorization_uri="https://login.windows.net/common/oauth2/authorize"';
const CLAIMS =
  'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ=="';

/** Headers of answers (specification, section 2) with values that are easily spoilt. */
const ANSWER_HEADERS: Readonly<Record<string, readonly Line[]>> = {
  'MS-ASProtocolVersions': [['MS-ASProtocolVersions', '2.0,2.1,2.5,12.0,12.1,14.0,14.1,16.0,16.1']],
  'MS-ASProtocolCommands': [['MS-ASProtocolCommands', 'Sync,SendMail, SmartForward,Find']],
  'X-MS-RP': [['X-MS-RP', '2.5,12.0,12.1,14.0,14.1,16.0,16.1']],
  'Retry-After on 200': [['Retry-After', '120']],
  'Retry-After as a date': [['Retry-After', 'Mon, 23 Nov 2026 23:00:00 GMT']],
  'X-MS-ASThrottle': [['X-MS-ASThrottle', 'RecentCommands']],
  'X-MS-BackOffDuration': [
    ['X-MS-BackOffDuration', 'L/-470'],
    ['X-MS-BackOffReason', 'None'],
  ],
  'X-MS-Credentials-Expire': [
    ['X-MS-Credential-Service-Url', 'https://portal.example.com/ChangePassword.aspx?a=b&c=%20d'],
    ['X-MS-Credentials-Expire', '13'],
  ],
  'X-BEServer and X-FEServer twice': [
    ['X-BEServer', 'MBX1'],
    ['x-beserver', 'MBX2'],
    ['X-FEServer', 'CAS1'],
  ],
  'request-id': [
    ['request-id', '{B77D77DF-D9A3-47D3-A331-5FA018AE4A5D}'],
    ['client-request-id', 'abc, def'],
  ],
  'x-ms-diagnostics': [
    [
      'x-ms-diagnostics',
      '2000003;reason="The hostname component of the audience is invalid, \'x\'.";error_category="invalid_resource"',
    ],
  ],
  'a name in odd case and a value in Latin 1': [
    ['x-OdD-cAsE', 'M\u00fcller;\tq="\\""'],
    ['X-Empty', ''],
  ],
  'five cookies': [
    ['Set-Cookie', 'ClientId=A; expires=Wed, 01-Jan-2031 00:00:00 GMT; path=/; HttpOnly'],
    ['Set-Cookie', 'ClientId=A; expires=Wed, 01-Jan-2031 00:00:00 GMT; path=/; HttpOnly'],
    [
      'set-cookie',
      'X-BackEndCookie=S-1-5-21=u56Lnp2ejJqBzs/Nms3PyA==; path=/Microsoft-Server-ActiveSync; secure',
    ],
    ['Set-Cookie', 'gone=; expires=Thu, 01-Jan-1970 00:00:00 GMT'],
    ['SET-COOKIE', 'odd="a,b;c"; Max-Age=0;SameSite=None'],
  ],
  'a Connection that names a header': [
    ['Connection', 'X-Hop'],
    ['X-Hop', 'one'],
  ],
  'Via and Server': [
    ['Via', '1.1 proxy.corp.example.com'],
    ['Server', 'Microsoft-IIS/10.0'],
    ['Allow', 'OPTIONS,POST'],
    ['Public', 'OPTIONS,POST'],
  ],
};

const CHALLENGES: Readonly<Record<string, readonly string[]>> = {
  Bearer: [BEARER],
  'Bearer, then Basic': [BEARER, 'Basic realm=""'],
  'Negotiate and NTLM between others': [BEARER, 'Negotiate', 'NTLM', 'Basic realm="mail.corp.example.com"'],
  'claims of continuous access evaluation': [CLAIMS, BEARER],
  'Basic alone': ['Basic realm="x, y=\\"z\\"", charset="UTF-8"'],
};

/** Headers of requests. */
const REQUEST_HEADERS: Readonly<Record<string, readonly Line[]>> = {
  'X-User-Identity': [['X-User-Identity', 'alice@example.com']],
  'a client-request-id and lines in odd case': [
    ['client-request-id', '{11111111-2222-3333-4444-555555555555}'],
    ['x-Odd', 'one'],
    ['X-ODD', 'two, "three"'],
    ['X-Latin', 'M\u00fcller'],
  ],
  'lines that only a proxy may set': [
    ['X-Forwarded-For', '192.0.2.7'],
    ['X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Host', 'evil.example.com'],
    ['Forwarded', 'for=192.0.2.7'],
  ],
  'lines of one connection': [
    ['Keep-Alive', 'timeout=5'],
    ['TE', 'trailers'],
    ['Proxy-Connection', 'keep-alive'],
    ['Connection', 'X-Hop'],
    ['X-Hop', 'one'],
  ],
};

export function headerCases(client: ClientProfile): ComparisonCase[] {
  const post = { client, command: 'FolderSync' } as const;
  return [
    ...firstRequests(client),
    ...Object.entries(ANSWER_HEADERS).map(([what, lines]) => ({
      ...post,
      what: `answer with ${what}`,
      answer: { lines },
    })),
    ...Object.entries(CHALLENGES).map(([what, challenges]) => ({
      ...post,
      what: `401 with ${what}`,
      answer: {
        status: 401,
        reason: 'Unauthorized',
        lines: challenges.map((challenge): Line => ['WWW-Authenticate', challenge]),
        body: Buffer.alloc(0),
      },
    })),
    ...Object.entries(REQUEST_HEADERS).map(([what, extra]) => ({
      ...post,
      what: `request with ${what}`,
      ask: { extra },
    })),
    ...targets(client),
  ].map((sketch) => comparisonCase(sketch));
}

/** What comes before a client is let in: OPTIONS, GET, requests without and with an empty credential, and with tokens. */
function firstRequests(client: ClientProfile): CaseSketch[] {
  const refused = {
    status: 401,
    reason: 'Unauthorized',
    lines: [
      ['WWW-Authenticate', BEARER],
      ['WWW-Authenticate', 'Basic realm=""'],
    ] as const,
    body: Buffer.alloc(0),
  };
  const token = `Bearer ${part({ alg: 'RS256', typ: 'JWT' })}.${part({ upn: 'alice@example.com', aud: 'https://outlook.office365.com' })}.c2ln`;
  return [
    { client, command: 'OPTIONS', answer: { lines: [['MS-ASProtocolVersions', '14.0,14.1,16.0,16.1']] } },
    {
      client,
      command: 'GET',
      ask: { authorization: 'Bearer', userIdentity: 'alice@example.com' },
      answer: refused,
      what: 'with an empty Bearer',
    },
    {
      client,
      command: 'GET',
      ask: { authorization: undefined },
      answer: refused,
      what: 'without a credential',
    },
    {
      client,
      command: 'OPTIONS',
      ask: { authorization: 'bearer ' },
      answer: refused,
      what: 'with an empty bearer and a space',
      request: trimmed,
    },
    {
      client,
      command: 'FolderSync',
      ask: { authorization: token, userIdentity: 'alice@example.com' },
      what: 'with a token',
    },
    {
      client,
      command: 'FolderSync',
      ask: { authorization: `Bearer ${'A'.repeat(6000)}` },
      what: 'with an opaque token of 6000 characters',
    },
    { client, command: 'FolderSync', ask: { policyKey: 0 }, what: 'with policy key 0' },
    { client, command: 'FolderSync', ask: { policyKey: 4_294_967_295 }, what: 'with the largest policy key' },
    { client, command: 'FolderSync', ask: { policyKey: undefined }, what: 'without a policy key' },
  ];
}

/** White space at the end of a value is not a part of it. */
const trimmed = (request: RequestMessage): RequestMessage => ({
  ...request,
  lines: request.lines.map(([name, value]) => [name, value.trimEnd()]),
});

function targets(client: ClientProfile): CaseSketch[] {
  const post = { client, command: 'Sync', query: client.query.value } as const;
  const rewrite = (change: (target: string) => string) => (request: RequestMessage) => ({
    ...request,
    target: change(request.target),
  });
  return [
    {
      ...post,
      what: 'the path in small letters with default.eas',
      request: rewrite((target) => target.replace(/^[^?]*/, '/microsoft-server-activesync/Default.eas')),
    },
    {
      ...post,
      query: client.otherQuery.value ? 'base64' : 'plain',
      what: 'the query with percent signs',
      request: rewrite((target) =>
        target
          .replaceAll('=', (equals, at: number) =>
            target.includes('Cmd=') && at < target.length ? equals : '%3D',
          )
          .replaceAll('+', '%2B'),
      ),
    },
    {
      ...post,
      query: 'plain',
      what: 'a parameter that nobody knows',
      request: rewrite((target) => `${target}&X='"<>%7e`),
    },
  ].map((sketch): CaseSketch => sketch as CaseSketch);
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
