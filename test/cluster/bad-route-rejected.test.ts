// bad-route-rejected: routes that are wrong, each in another way, are told so, and no phone notices.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'bad-route-rejected');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

/** Waits for this reason and returns the condition's message. */
async function reasonOf(route: string, type: string, reason: string): Promise<string> {
  let message = '';
  await eventually(`${route} says ${reason}`, async () => {
    const condition = await setup.condition(`exchangeroute/${route}`, type);
    message = condition?.message ?? '';
    return condition?.reason === reason;
  });
  return message;
}

async function patchRoute(spec: object): Promise<string> {
  const patch = JSON.stringify({ spec });
  return setup.kubectl(['patch', 'exchangeroute', 'example-com', '--type=merge', '--patch', patch]);
}

async function applyRoute(name: string, spec: object): Promise<void> {
  const route = {
    apiVersion: 'sentrygateway.io/v1alpha1',
    kind: 'ExchangeRoute',
    metadata: { name },
    spec: {
      gatewayRefs: [{ name: 'mail' }],
      servers: [{ name: 'mbx9', url: 'https://mbx9.corp.example' }],
      ...spec,
    },
  };
  await setup.kubectl(['apply', '-f', '-'], JSON.stringify(route));
}

test('whatever is wrong with a route, the others and its last good version serve on', async () => {
  await using traffic = await Traffic.start(setup, { name: 'bad-route-rejected' });

  const servers = [{ name: 'mbx1', url: 'http://mbx1.corp.example' }];
  await expect(patchRoute({ servers })).rejects.toThrow(/spec\.servers/);

  await applyRoute('rival', { match: { domains: ['example.com'] } });
  expect(await reasonOf('rival', 'Accepted', 'Conflicted')).toContain('example-com');
  await applyRoute('lost', { gatewayRefs: [{ name: 'nowhere' }], match: { domains: ['example.net'] } });
  expect(await reasonOf('lost', 'Accepted', 'NoMatchingParent')).toContain('nowhere');

  await setup.kubectl(['create', 'configmap', 'rubbish', '--from-literal=ca.crt=no certificate']);
  await patchRoute({ serverTLS: { caRef: { name: 'rubbish' } } });
  const message = await reasonOf('example-com', 'ResolvedRefs', 'InvalidCertificate');
  expect(message).toContain('rubbish');
  await traffic.answered(100);

  await patchRoute({ serverTLS: { caRef: { name: 'exchange-ca' } } });
  await setup.waitReady();
  await traffic.answered(100);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
