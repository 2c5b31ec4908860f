import * as fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { describe, expect, test } from 'vitest';
import type { Snapshot, SnapshotRoute } from '../config/snapshot.ts';
import { HeaderList } from '../http/headers.ts';
import type { PlainAnswer } from '../http/plain-answer.ts';
import { Autodiscover } from './autodiscover.ts';
import { parseXmlRequest } from './xml-request.ts';

const V1 = '/autodiscover/autodiscover.xml';
const MOBILESYNC = 'http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006';
const OUTLOOK = 'http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a';
const URL_HERE = 'https://sentry.example.com/Microsoft-Server-ActiveSync';
const NOW = new Date('2026-11-23T12:34:56.789Z');

interface Sketch {
  readonly match?: Partial<SnapshotRoute['match']>;
  readonly autodiscover?: SnapshotRoute['autodiscover'];
  readonly listeners?: readonly string[];
}

const DEFAULT: readonly Sketch[] = [{ match: { domains: ['example.com', 'example'] } }];

function autodiscoverOf(
  routes: readonly Sketch[],
  hostnames: readonly string[] = ['sentry.example.com'],
): Autodiscover {
  const snapshot = {
    listeners: [
      { name: 'phones', hostnames },
      { name: 'other', hostnames: ['other.example.com'] },
    ],
    routes: routes.map(({ match, autodiscover, listeners = ['phones'] }) => ({
      listeners,
      match: { users: [], deviceTypes: [], domains: [], ...match },
      ...(autodiscover && { autodiscover }),
    })),
  };
  return new Autodiscover(snapshot as unknown as Snapshot);
}

interface Asked {
  readonly routes?: readonly Sketch[];
  readonly hostnames?: readonly string[];
  readonly host?: string;
  readonly method?: string;
  readonly body?: string | Buffer;
}

function ask(target: string, asked: Asked = {}): PlainAnswer & { readonly text: string } {
  const { routes = DEFAULT, hostnames, host = 'sentry.example.com', method = 'GET', body = '' } = asked;
  const autodiscover = autodiscoverOf(routes, hostnames);
  const request = { method, target, host, headers: new HeaderList(), body: Buffer.from(body) };
  const answer = autodiscover.answer('phones', request, NOW);
  return { ...answer, text: answer.body.toString() };
}

const xml = (address: string, schema = MOBILESYNC): string =>
  `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006">
  <Request>
    <EMailAddress>${address}</EMailAddress>
    <AcceptableResponseSchema>${schema}</AcceptableResponseSchema>
  </Request>
</Autodiscover>`;

const askXml = (address: string, asked: Asked = {}) =>
  ask(V1, { method: 'POST', body: xml(address), ...asked });
const askJson = (address: string, asked: Asked = {}) =>
  ask(`/autodiscover/autodiscover.json/v1.0/${encodeURIComponent(address)}?Protocol=ActiveSync`, asked);

describe('the paths of Autodiscover', () => {
  const known = autodiscoverOf(DEFAULT);

  test.each([
    V1,
    '/Autodiscover/Autodiscover.xml',
    '/AUTODISCOVER/AUTODISCOVER.JSON',
    '/autodiscover/autodiscover.json/v1.0/ann@example.com',
    '/autodiscover/autodiscover.json/V1.0/ann%40example.com',
  ])('have %s', (path) => {
    expect(known.has('phones', path)).toBe(true);
  });

  test.each([
    '/autodiscover',
    '/autodiscover/',
    '/autodiscover/autodiscover.svc',
    '/autodiscover/autodiscover.xml/',
    '/autodiscover//autodiscover.xml',
    '/autodiscover/%61utodiscover.xml',
    '/autodiscover/autodiscover.json/v1.0',
    '/autodiscover/autodiscover.json/v1.0/',
    '/autodiscover/autodiscover.json/v1.0/ann@example.com/x',
    '/autodiscover/autodiscover.json/v2.0/ann@example.com',
    '/Microsoft-Server-ActiveSync',
    '/',
  ])('do not have %s', (path) => {
    expect(known.has('phones', path)).toBe(false);
  });

  test('are nowhere on a listener whose routes name no domain', () => {
    expect(known.has('other', V1)).toBe(false);
    for (const routes of [
      [],
      [{}],
      [{ match: { domains: ['example'] } }],
      [{ match: { deviceTypes: ['iphone'] } }],
      [{ match: { domains: ['example.com'] }, autodiscover: { policy: 'Disabled' } }],
    ] satisfies Sketch[][]) {
      expect(autodiscoverOf(routes).has('phones', V1)).toBe(false);
    }
  });
});

describe('Autodiscover v1', () => {
  test('names the gateway as the server of ActiveSync', () => {
    const answer = askXml('Ann@Example.com');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/xml; charset=utf-8');
    expect(answer.text).toBe(
      '<?xml version="1.0" encoding="utf-8"?>\n' +
        '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">' +
        `<Response xmlns="${MOBILESYNC}"><Culture>en:us</Culture>` +
        '<User><DisplayName>Ann@Example.com</DisplayName><EMailAddress>Ann@Example.com</EMailAddress></User>' +
        `<Action><Settings><Server><Type>MobileSync</Type><Url>${URL_HERE}</Url><Name>${URL_HERE}</Name></Server></Settings></Action>` +
        '</Response></Autodiscover>',
    );
  });

  test('writes elements of the namespaces of MS-ASCMD', () => {
    const elements: string[] = [];
    const parser = new SaxesParser({ xmlns: true });
    parser.on('opentag', ({ local, uri }) => elements.push(`${local} ${uri.split('/autodiscover/')[1]}`));
    parser.write(askXml('ann@example.com').text).close();
    const inner = ['Response', 'Culture', 'User', 'DisplayName', 'EMailAddress', 'Action', 'Settings'];
    expect(elements).toEqual([
      'Autodiscover responseschema/2006',
      ...[...inner, 'Server', 'Type', 'Url', 'Name'].map((name) => `${name} mobilesync/responseschema/2006`),
    ]);
  });

  test('sends the addresses of a domain that has moved to the other domain', () => {
    const routes = [
      { match: { domains: ['old.example'] }, autodiscover: { redirectDomain: 'new.example' } },
    ] satisfies Sketch[];
    expect(askXml('ann@old.example', { routes }).text).toContain(
      '<Action><Redirect>ann@new.example</Redirect></Action>',
    );
  });

  test('refuses other domains, other schemas and requests without an address as Exchange does', () => {
    for (const [body, code] of [
      [xml('ann@other.com'), 600],
      [xml('ann'), 600],
      [xml(''), 600],
      [xml('ann@example.com', ''), 600],
      ['<Autodiscover/>', 600],
      [xml('ann@example.com', OUTLOOK), 601],
    ] as const) {
      const answer = ask(V1, { method: 'POST', body });
      expect([answer.status, body]).toEqual([200, body]);
      expect(answer.text).toContain(`<Error Time="12:34:56.789" Id="0"><ErrorCode>${code}</ErrorCode>`);
    }
    expect(ask(V1)).toMatchObject({ status: 200 });
    expect(ask(V1).text).toContain('<ErrorCode>600</ErrorCode>');
  });

  test.each([
    ['nothing', ''],
    ['no XML', 'Cmd=Sync'],
    ['an open end', xml('ann@example.com').slice(0, -5)],
    ['a wrong end', '<Autodiscover><Request></Autodiscover></Request>'],
    ['two roots', '<a/><b/>'],
    ['an entity of its own', `<!DOCTYPE a [<!ENTITY e "x">]>${xml('&e;').slice(39)}`],
    ['an entity of a file', `<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>`],
    ['a document type alone', `<!DOCTYPE a>${xml('ann@example.com').slice(39)}`],
    ['an undefined entity', xml('&nbsp;')],
    ['an entity that every object has', xml('&constructor;')],
    ['no UTF-8', Buffer.concat([Buffer.from('<a>'), Buffer.from([0xff, 0xfe]), Buffer.from('</a>')])],
    ['elements in elements', `${'<a>'.repeat(17)}${'</a>'.repeat(17)}`],
  ])('answers 400 to %s', (_, body) => {
    const answer = ask(V1, { method: 'POST', body });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('<ErrorCode>600</ErrorCode>');
  });

  test('reads an address with prefixes, CDATA, character references and spaces around it', () => {
    for (const address of [
      '<![CDATA[ann@example.com]]>',
      '\n ann&#64;example.com\n',
      'a<!-- -->nn@example.com',
    ]) {
      expect(askXml(address).text).toContain('<EMailAddress>ann@example.com</EMailAddress>');
    }
    const prefixed = xml('ann@example.com')
      .replaceAll('</', '</q:')
      .replaceAll(/<(?=[A-Z])/g, '<q:')
      .replace('xmlns=', 'xmlns:q=');
    expect(ask(V1, { method: 'POST', body: prefixed }).text).toContain(URL_HERE);
  });

  test('writes an address as text, whatever it holds', () => {
    const answer = askXml('&quot;&lt;x&gt;&amp;&quot;@example.com');
    expect(answer.text).toContain('<EMailAddress>&quot;&lt;x&gt;&amp;&quot;@example.com</EMailAddress>');
    expect(parseXmlRequest(Buffer.from(answer.text))).toEqual({ address: '', acceptableSchema: '' });
  });

  test('never breaks', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: 'binary', maxLength: 60 }).map((text) => xml(text)),
      fc.nat(400).map((at) => xml('ann@example.com').slice(at)),
    );
    fc.assert(
      fc.property(texts, (body) => {
        expect([200, 400]).toContain(ask(V1, { method: 'POST', body }).status);
      }),
    );
  });
});

describe('Autodiscover v2', () => {
  test.each([
    '/autodiscover/autodiscover.json/v1.0/ann%40example.com?Protocol=ActiveSync',
    '/Autodiscover/AutoDiscover.json/v1.0/ann@example.com?protocol=activesync',
    '/autodiscover/autodiscover.json?Email=ann%40example.com&Protocol=activesync&RedirectCount=3',
    '/autodiscover/autodiscover.json?PROTOCOL=ACTIVESYNC&EMAIL=Ann@EXAMPLE.com',
  ])('answers %s', (target) => {
    const answer = ask(target);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.text).toBe(JSON.stringify({ Protocol: 'ActiveSync', Url: URL_HERE }));
  });

  test.each([
    [
      '?Email=ann@example.com&Protocol=Ews',
      400,
      'InvalidProtocol',
      "The given protocol value 'Ews' is invalid. Supported values are 'ActiveSync'",
    ],
    [
      '?Email=ann@example.com',
      400,
      'MandatoryParameterMissing',
      "A valid value must be provided for the query parameter 'Protocol'",
    ],
    ['?Protocol=ActiveSync', 400, 'MandatoryParameterMissing', 'A valid smtp address must be provided'],
    [
      '?Email=ann&Protocol=ActiveSync',
      400,
      'MandatoryParameterMissing',
      'A valid smtp address must be provided',
    ],
    [
      '/v1.0/%E0%A4%A?Protocol=ActiveSync',
      400,
      'MandatoryParameterMissing',
      'A valid smtp address must be provided',
    ],
    ['?Email=ann@other.com&Protocol=ActiveSync', 404, 'UserNotFound', 'The given user is not found'],
  ])('refuses %s as Exchange does', (rest, status, ErrorCode, ErrorMessage) => {
    const answer = ask(`/autodiscover/autodiscover.json${rest}`);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([status, { ErrorCode, ErrorMessage }]);
  });

  test('sends the addresses of a domain that has moved to where clients would look for the other one, not for ever', () => {
    const routes = [
      { match: { domains: ['old.example'] }, autodiscover: { redirectDomain: 'new.example' } },
    ] satisfies Sketch[];
    const path = '/autodiscover/autodiscover.json?Email=ann%2Bx@old.example&Protocol=ActiveSync';
    const answer = ask(`${path}&RedirectCount=2`, { routes });
    expect([answer.status, answer.headers.get('location')]).toEqual([
      302,
      'https://autodiscover.new.example/autodiscover/autodiscover.json?Email=ann%2Bx%40new.example&Protocol=ActiveSync&RedirectCount=3',
    ]);
    expect(ask(`${path}&RedirectCount=10`, { routes }).status).toBe(404);
  });
});

describe('the server that Autodiscover names', () => {
  const urlOf = (asked: Asked): unknown => JSON.parse(askJson('ann@example.com', asked).text).Url;

  test('is the name of the listener, on the port that the client has reached', () => {
    expect(urlOf({ host: 'sentry.example.com:8443' })).toBe(
      'https://sentry.example.com:8443/Microsoft-Server-ActiveSync',
    );
    expect(urlOf({ host: 'sentry.example.com:443' })).toBe(URL_HERE);
  });

  test('is never what the client has written', () => {
    expect(urlOf({ host: 'evil.example.net' })).toBe(URL_HERE);
    expect(urlOf({ host: 'autodiscover.example.com' })).toBe(URL_HERE);
  });

  test('is a name for mail where the listener has one', () => {
    const hostnames = ['autodiscover.example.com', 'sentry.example.com'];
    expect(urlOf({ hostnames })).toBe(URL_HERE);
    expect(urlOf({ hostnames: ['autodiscover.example.com'] })).toBe(
      'https://autodiscover.example.com/Microsoft-Server-ActiveSync',
    );
  });
});

describe('the addresses that Autodiscover answers for', () => {
  const found = (address: string, routes: readonly Sketch[]): boolean =>
    askJson(address, { routes: [{ match: { domains: ['always.example'] } }, ...routes] }).status === 200;

  test('are those of the domains of routes and of their users, so that nobody learns who exists', () => {
    const routes = [{ match: { users: ['bob@users.example', 'carol', 'EXAMPLE\\dan'] } }];
    expect(found('bob@users.example', routes)).toBe(true);
    expect(found('eve@users.example', routes)).toBe(true);
    expect(found('bob@other.example', routes)).toBe(false);
  });

  test('are all of them where the route says so', () => {
    expect(found('ann@whatever.example', [{}])).toBe(false);
    expect(found('ann@whatever.example', [{ autodiscover: { policy: 'AnyDomain' } }])).toBe(true);
  });

  test('are the older route’s where two name a domain', () => {
    const older: Sketch = {
      match: { domains: ['two.example'] },
      autodiscover: { redirectDomain: 'new.example' },
    };
    const younger: Sketch = { match: { users: ['ann@two.example'] } };
    expect(askJson('ann@two.example', { routes: [older, younger] }).status).toBe(302);
    expect(askJson('ann@two.example', { routes: [younger, older] }).status).toBe(200);
  });
});

describe('methods', () => {
  test('that Autodiscover does not have are refused', () => {
    expect(ask(V1, { method: 'OPTIONS' })).toMatchObject({ status: 405 });
    expect(askJson('ann@example.com', { method: 'POST' })).toMatchObject({ status: 405 });
    expect(askJson('ann@example.com', { method: 'PUT' })).toMatchObject({ status: 501 });
  });
});
