// A phone without a profile asks Exchange how to sign in, and stays inside the gateway (spec/oauth.md, rule 7).
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SnapshotOAuth } from '../../../gateway/config/snapshot.ts';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { IdentityProvider } from '../../peers/identity-provider/identity-provider.ts';
import { OAuthCredential } from '../../peers/phone/credential.ts';
import { HttpClient } from '../../peers/phone/http-client.ts';
import type { HttpAnswer } from '../../peers/phone/http-connection.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { GatewayFixture, HOSTNAME } from '../pipeline/gateway-fixture.ts';

const USER = 'alice@example.com';
const RESOURCE = 'https://outlook.office365.com/';

let authority: CertificateAuthority;
let provider: IdentityProvider;
let exchange: Exchange;
let gateway: GatewayFixture;

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  provider = await IdentityProvider.start({ authority, users: [USER], resources: [RESOURCE] });
  exchange = await Exchange.start({
    authority,
    users: [{ name: USER }],
    tokens: provider.tokenRules([RESOURCE]),
  });
  gateway = await GatewayFixture.start({ authority, routes: [] });
});

afterAll(async () => {
  await gateway.stop();
  exchange.close();
  await provider[Symbol.asyncDispose]();
});

function serve(change: Partial<SnapshotOAuth> = {}): void {
  gateway.apply([
    {
      name: 'online',
      servers: [{ name: 'mbx1', url: exchange.frontEnd().url }],
      authentication: {
        type: 'OAuth',
        oauth: {
          authorizationEndpoint: `${provider.url}/common/oauth2/v2.0/authorize`,
          tokenEndpoint: `${provider.url}/common/oauth2/v2.0/token`,
          gatewayResource: `https://${HOSTNAME}`,
          destinationResource: RESOURCE,
          allowPasswordGrant: false,
          otherResources: 'Refuse',
          ...change,
        },
      },
    },
  ]);
}

/** What a phone is answered that asks with an empty Bearer. */
async function ask(target: { readonly url: string }): Promise<HttpAnswer> {
  const phone = new Phone({ ...gateway.forPhones, ...target, user: USER, authorization: 'Bearer' });
  const answer = await phone.ask();
  phone.close();
  return answer;
}

/** End-to-end header lines but those that differ from one answer to the next. */
function linesOf({ rawHeaders }: HttpAnswer): string[] {
  const lines = rawHeaders.flatMap((name, at) =>
    at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1] ?? ''}`] : [],
  );
  return lines.filter((line) => !/^(date|connection|keep-alive|request-id|x-.*id|set-cookie):/i.test(line));
}

const own = (): string => `${gateway.url}/proxyservice/default/online/oauth2/authorize`;

test('a challenge of Exchange names the endpoint of the route; every other byte of the head stays', async () => {
  serve();
  const direct = await ask({ url: exchange.frontEnd().url });
  const through = await ask(gateway);
  expect([through.status, direct.status]).toEqual([401, 401]);
  const theirs = `authorization_uri="${provider.url}/common/oauth2/authorize"`;
  expect(linesOf(direct).filter((line) => line.includes(theirs))).toHaveLength(1);
  expect(linesOf(through)).toEqual(
    linesOf(direct).map((line) => line.replace(theirs, `authorization_uri="${own()}"`)),
  );
});

test('it stays as it is where the route says so, and on a route without OAuth', async () => {
  const direct = await ask({ url: exchange.frontEnd().url });
  serve({ challenges: 'Pass' });
  expect(linesOf(await ask(gateway))).toEqual(linesOf(direct));
  gateway.apply([{ servers: [{ name: 'mbx1', url: exchange.frontEnd().url }] }]);
  expect(linesOf(await ask(gateway))).toEqual(linesOf(direct));
});

test('claims of continuous access evaluation pass byte for byte', async () => {
  serve();
  const challenge =
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ=="';
  exchange.organisation.faults.add({
    action: { kind: 'answer', status: 401, headers: [['WWW-Authenticate', challenge]] },
    times: 1,
  });
  const answer = await ask(gateway);
  expect(answer.header('www-authenticate')).toBe(
    challenge.replace('https://login.microsoftonline.com/common/oauth2/authorize', own()),
  );
});

test('a phone that knows its host alone signs in by the challenge and opens its mailbox', async () => {
  serve();
  const challenge = (await ask(gateway)).rawHeaders.find((value) => value.startsWith('Bearer '));
  const signInUrl = /authorization_uri="([^"]*)"/.exec(challenge ?? '')?.[1] ?? '';
  expect(signInUrl).toBe(own());
  const credential = new OAuthCredential({
    signInUrl,
    tokenUrl: signInUrl.replace(/authorize$/, 'token'),
    resource: `https://${HOSTNAME}/`,
    loginHint: USER,
  });
  const http = new HttpClient(gateway.forPhones);
  const authorization = await credential.authorization(http);
  http.close();
  const phone = new Phone({ ...gateway.forPhones, user: USER, authorization });
  await phone.folderSync();
  phone.close();
  expect(phone.report.summary()).toMatchObject({ lost: 0 });
  expect(exchange.violations).toEqual([]);
});
