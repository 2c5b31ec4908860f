// Certificates and keys of gateways on a real API server: rotation by the clock, expiry, and Certificates of cert-manager.
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KubeClient } from '../../operator/kube/client.ts';
import { type KubeObject, typeOf } from '../../operator/kube/resource.ts';
import { installCertManagerCRDs, removeCertManagerCRDs } from '../cluster/native/cert-manager.ts';
import { CertificateAuthority } from '../peers/certificates.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import {
  AuditLog,
  eventually,
  installCRDs,
  type RunningOperator,
  runOperator,
  sentryGateway,
  untilQuiet,
} from './operator-run.ts';

const DAY_MS = 86_400_000;
const namespace = 'default';

let controlPlane: ControlPlane;
let client: KubeClient;
let audit: AuditLog;
let operator: RunningOperator;
/** How far the operator's clock is ahead. */
let aheadMs = 0;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await installCRDs(controlPlane);
  client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
  audit = await AuditLog.from(controlPlane);
  operator = await runOperator(controlPlane, { clock: { now: () => new Date(Date.now() + aheadMs) } });
  await operator.synced;
});

afterAll(async () => {
  await operator.stop();
  await client.close();
  await controlPlane.stop();
});

async function create(object: KubeObject): Promise<void> {
  await client.create(typeOf(object), object);
}

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await controlPlane.kubectl(['--namespace', namespace, ...args]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

async function secretEntry(name: string, entry: string): Promise<string> {
  const secret = JSON.parse(await kubectl('get', 'secret', name, '-o', 'json')) as {
    data: Record<string, string>;
  };
  return Buffer.from(secret.data[entry] ?? '', 'base64').toString();
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

async function conditionOf(gateway: string, type: string): Promise<Condition | undefined> {
  const text = await kubectl('get', 'sentrygateway', gateway, '-o', 'json');
  const { status } = JSON.parse(text) as { status?: { conditions?: Condition[] } };
  return status?.conditions?.find((condition) => condition.type === type);
}

async function untilCondition(gateway: string, type: string, reason: string): Promise<Condition> {
  let found: Condition | undefined;
  await eventually(`${type} of ${gateway} says ${reason}`, async () => {
    found = await conditionOf(gateway, type);
    return found?.reason === reason;
  });
  return found as Condition;
}

/** Anything that makes the operator look: the clock alone does not wake it, for its timers are real. */
async function nudge(gateway: string): Promise<void> {
  await kubectl('label', '--overwrite', 'sentrygateway', gateway, `nudged=${Date.now()}`);
}

describe('keys of a gateway', () => {
  test('rotate by the clock, each at its time, and reach the snapshot', async () => {
    await create(sentryGateway(namespace, 'rotating'));
    await eventually('there is a snapshot', async () =>
      (await kubectl('get', 'secrets', '-o', 'name')).includes('secret/rotating-snapshot-0'),
    );
    await untilQuiet(audit);
    const read = async () => ({
      ca: await secretEntry('rotating-keys', 'ca.crt'),
      leaf: await secretEntry('rotating-keys', 'listener-phones.crt'),
      ticketKey: await secretEntry('rotating-keys', 'ticket-key.json'),
      index: await secretEntry('rotating-snapshot-0', 'index.json'),
    });
    const first = await read();

    aheadMs = 1.5 * DAY_MS;
    await nudge('rotating');
    await eventually('the ticket key is another', async () => (await read()).ticketKey !== first.ticketKey);
    await untilQuiet(audit);
    const second = await read();
    expect({ ...second, ticketKey: '', index: '' }).toEqual({ ...first, ticketKey: '', index: '' });
    expect(JSON.parse(second.index)).toMatchObject({ generation: 2 });

    aheadMs = 62 * DAY_MS;
    await nudge('rotating');
    await eventually('the certificate is another', async () => (await read()).leaf !== second.leaf);
    await untilQuiet(audit);
    const third = await read();
    expect(third.ca).toBe(first.ca);
    expect(new X509Certificate(third.leaf).verify(new X509Certificate(first.ca).publicKey)).toBe(true);
    expect(JSON.parse(third.index)).toMatchObject({ generation: 3 });
    aheadMs = 0;
  });
});

describe('a certificate of certificateRefs', () => {
  test('that expires is told when it happens, without any edit', async () => {
    const authority = await CertificateAuthority.create();
    const notAfter = new Date(Date.now() + 8_000);
    const { cert, key } = await authority.issue({ names: ['expiring.example.com'], notAfter });
    await create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'expiring', namespace },
      ...{ type: 'kubernetes.io/tls', stringData: { 'tls.crt': cert, 'tls.key': key } },
    });
    const tls = { certificateRefs: [{ name: 'expiring' }] };
    const listeners = [{ name: 'phones', hostnames: ['expiring.example.com'], tls }];
    await create(sentryGateway(namespace, 'expiring', { listeners }));
    const { message } = await untilCondition('expiring', 'ResolvedRefs', 'CertificateExpired');
    expect(message).toContain('it is served all the same, and phones refuse it');
    const events = await kubectl('get', 'events.events.k8s.io', '-o', 'jsonpath={.items[*].reason}');
    expect(events).toContain('CertificateExpired');
  });
});

describe('a Certificate of cert-manager', () => {
  /** Everything since the first listener with issuerRef. */
  let waiting: AuditLog;
  const certificate = 'certificates.cert-manager.io/issued.phones';
  const specOf = async () =>
    (JSON.parse(await kubectl('get', certificate, '-o', 'json')) as { spec: Record<string, unknown> }).spec;
  const exists = async () => (await kubectl('get', certificate, '--ignore-not-found', '-o', 'name')) !== '';

  beforeAll(async () => {
    const tls = { issuerRef: { kind: 'ClusterIssuer', name: 'company' } };
    const listeners = [{ name: 'phones', hostnames: ['issued.example.com'], tls }];
    await untilQuiet(audit);
    waiting = await AuditLog.from(controlPlane);
    await create(sentryGateway(namespace, 'issued', { listeners }));
  });

  test('waits for its CRDs with a watch, and without a refusal', async () => {
    await untilCondition('issued', 'ResolvedRefs', 'CertManagerNotInstalled');
    await untilQuiet(audit, 3000);
    const requests = await waiting.requests();
    const definitions = requests.filter(({ resource }) => resource === 'customresourcedefinitions');
    expect(definitions.map(({ verb, name }) => `${verb} ${name}`).toSorted()).toEqual([
      'list certificates.cert-manager.io',
      'list clusterissuers.cert-manager.io',
      'list issuers.cert-manager.io',
    ]);
    expect(requests.filter(({ resource }) => /^(certificates|.*issuers)$/.test(resource))).toEqual([]);
    expect(requests.filter(({ code }) => code === 403)).toEqual([]);
  });

  test('is made when they come', async () => {
    await installCertManagerCRDs(controlPlane);
    await eventually('there is a Certificate', exists);
    expect(await specOf()).toMatchObject({
      secretName: 'issued.phones-tls',
      dnsNames: ['issued.example.com'],
      issuerRef: { group: 'cert-manager.io', kind: 'ClusterIssuer', name: 'company' },
      privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
    });
    const { message } = await untilCondition('issued', 'ResolvedRefs', 'IssuerNotFound');
    expect(message).toContain('ClusterIssuer company does not exist');
  });

  test('is put right when someone has changed it, and follows the host names', async () => {
    const wrong = JSON.stringify({ spec: { dnsNames: ['wrong.example.com'] } });
    await kubectl('patch', certificate, '--type=merge', '--patch', wrong);
    await eventually(
      'it is right',
      async () => String((await specOf())['dnsNames']) === 'issued.example.com',
    );
    const hostnames = [{ op: 'add', path: '/spec/listeners/0/hostnames/-', value: 'more.example.com' }];
    await kubectl('patch', 'sentrygateway', 'issued', '--type=json', '--patch', JSON.stringify(hostnames));
    await eventually('it has both', async () =>
      String((await specOf())['dnsNames']).endsWith('more.example.com'),
    );
  });

  test('is made again when it was deleted, and when cert-manager was removed and installed again', async () => {
    await kubectl('delete', certificate);
    await eventually('it is back', exists);
    await removeCertManagerCRDs(controlPlane);
    await untilCondition('issued', 'ResolvedRefs', 'CertManagerNotInstalled');
    await installCertManagerCRDs(controlPlane);
    await eventually('it is back again', exists);
  });

  test('of someone else stays as it is, is told, and is made once that one has gone', async () => {
    await kubectl('delete', 'sentrygateway', 'issued');
    const foreign = {
      apiVersion: 'cert-manager.io/v1',
      kind: 'Certificate',
      metadata: { name: 'foreign.phones', namespace },
      ...{ spec: { secretName: 'theirs', dnsNames: ['theirs.example.com'], issuerRef: { name: 'theirs' } } },
    };
    await create(foreign);
    const tls = { issuerRef: { name: 'company' } };
    const listeners = [{ name: 'phones', hostnames: ['foreign.example.com'], tls }];
    await create(sentryGateway(namespace, 'foreign', { listeners }));
    const { message } = await untilCondition('foreign', 'Programmed', 'ForeignObject');
    expect(message).toContain('Certificate foreign.phones exists and does not belong to this SentryGateway');
    const names = [
      'get',
      'certificates.cert-manager.io/foreign.phones',
      '-o',
      'jsonpath={.spec.dnsNames[0]}',
    ];
    expect(await kubectl(...names)).toBe('theirs.example.com');
    await kubectl('delete', 'certificates.cert-manager.io/foreign.phones');
    await eventually('ours is made', async () => {
      const live = ['get', 'certificates.cert-manager.io/foreign.phones', '--ignore-not-found'];
      return (await kubectl(...live, '-o', 'jsonpath={.spec.dnsNames[0]}')) === 'foreign.example.com';
    });
    await eventually('the status says so', async () => {
      return (await conditionOf('foreign', 'Programmed'))?.reason !== 'ForeignObject';
    });
  });
});
