// issuer: `tls.issuerRef` without cert-manager, with it, and while its certificates are renewed under load.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { CertificateAuthority } from '../peers/certificates.ts';
import { presentedByPods, resolvedRefs } from './certificate-presented.ts';
import { eventually, HOSTNAME, MailSetup } from './mail-setup.ts';
import { installCertManagerCRDs, removeCertManagerCRDs, startCertManager } from './native/cert-manager.ts';
import { sharedCluster } from './native/global-setup.ts';
import { kubectl } from './operator-installation.ts';
import type { RunningProgram } from './native/programs.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

const TRIAL = 'trial.example.com';
/** Where cert-manager looks for what ClusterIssuers name. */
const CERT_MANAGER = 'cert-manager';
const issuer = (name: string) => ({ kind: 'ClusterIssuer', name });

let authority: CertificateAuthority;
let setup: MailSetup;
let certManager: RunningProgram | undefined;
let ready: Promise<void>;

beforeAll(async () => {
  authority = await CertificateAuthority.create('Company authority');
  setup = await MailSetup.make(await sharedCluster(), 'issuer', {
    gateway: {
      listeners: [
        { name: 'phones', hostnames: [HOSTNAME], tls: { issuerRef: issuer('company') } },
        { name: 'trial', hostnames: [TRIAL], tls: { issuerRef: issuer('self-signed') } },
      ],
    },
    listenerCA: authority.certificate,
  });
});

afterAll(async () => {
  await certManager?.kill();
  await setup.remove();
  await removeCertManagerCRDs(setup.cluster);
  await setup.cluster.kubectl(['delete', 'namespace', CERT_MANAGER, '--ignore-not-found', '--wait=false']);
});

/** Requests of the operator for cert-manager's resources, as `<verb> <status>`. */
interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly responseStatus?: { readonly code?: number };
  readonly annotations?: { readonly 'authorization.k8s.io/decision'?: string };
}

function requestsForCertManager(): AuditEvent[] {
  return readFileSync(setup.cluster.auditLogPath, 'utf8')
    .split('\n')
    .filter((line) => line.includes('serviceaccount:sentry-system:') && line.includes('cert-manager.io'))
    .map((line) => JSON.parse(line) as AuditEvent);
}

async function apply(objects: readonly object[]): Promise<void> {
  const text = objects.map((object) => stringify(object)).join('---\n');
  await kubectl(setup.cluster, ['apply', '--server-side', '-f', '-'], text);
}

async function certificateRevision(name: string): Promise<number> {
  const path = 'jsonpath={.status.revision}';
  return Number(await setup.kubectl(['get', 'certificates.cert-manager.io', name, '-o', path]));
}

async function fingerprints(hostname = HOSTNAME): Promise<string[]> {
  return (await presentedByPods(setup, hostname)).map(({ fingerprint256 }) => fingerprint256);
}

async function untilRotated(before: readonly string[]): Promise<string[]> {
  let now: string[] = [];
  await eventually('both pods present a new certificate', async () => {
    now = await fingerprints();
    return now.length === 2 && now.every((one) => one === now[0] && !before.includes(one));
  });
  return now;
}

test('without cert-manager the status says what to install, and nobody is asked again and again', async () => {
  ready = setup.applyFirstManifest();
  ready.catch(() => undefined);
  const { message } = await resolvedRefs(setup, 'CertManagerNotInstalled');
  expect(message).toContain('install it');
  const failed = requestsForCertManager().filter(
    ({ responseStatus: { code } = {} }) => code === 403 || code === 404,
  );
  expect(failed).toEqual([]);
});

test('it is noticed when it is installed, and so is an issuer', async () => {
  await installCertManagerCRDs(setup.cluster);
  expect((await resolvedRefs(setup, 'IssuerNotFound')).message).toContain(
    'ClusterIssuer company does not exist',
  );
  certManager = await startCertManager(setup.cluster);
  await apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: CERT_MANAGER } },
    {
      apiVersion: 'cert-manager.io/v1',
      kind: 'ClusterIssuer',
      metadata: { name: 'company' },
      spec: { ca: { secretName: 'company-ca' } },
    },
    {
      apiVersion: 'cert-manager.io/v1',
      kind: 'ClusterIssuer',
      metadata: { name: 'self-signed' },
      spec: { selfSigned: {} },
    },
  ]);
  expect((await resolvedRefs(setup, 'IssuerNotReady')).message).toContain(
    'ClusterIssuer company is not ready',
  );
});

test('certificates of a CA and of a self-signed issuer are issued and served', async () => {
  await apply([
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'company-ca', namespace: CERT_MANAGER },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': authority.certificate, 'tls.key': await authority.exportKey() },
    },
  ]);
  await ready;
  const [company] = await presentedByPods(setup);
  expect(company?.issuer).toBe('CN=Company authority');
  expect(company?.checkHost(HOSTNAME)).toBe(HOSTNAME);
  const [trial] = await presentedByPods(setup, TRIAL);
  expect(trial?.checkHost(TRIAL)).toBe(TRIAL);
  expect(trial?.verify(trial.publicKey)).toBe(true);
});

test('a renewal under load costs nothing: open polls stay, new connections get the new certificate', async () => {
  await using traffic = await Traffic.start(setup, { name: 'issuer' });
  const witness = setup.phone('bob@example.com', 'Basic');
  await witness.folderSync();
  await witness.sync();
  const poll = witness.ping(470);
  const first = await fingerprints();

  // What `cmctl renew` does: cert-manager issues anew, with a new key.
  const issuing = { type: 'Issuing', status: 'True', reason: 'ManuallyTriggered', message: 'renew' };
  const patch = [{ op: 'add', path: '/status/conditions/-', value: issuing }];
  await setup.kubectl([
    ...['patch', 'certificates.cert-manager.io', 'mail.phones', '--subresource=status', '--type=json'],
    ...['--patch', JSON.stringify(patch)],
  ]);
  const second = await untilRotated(first);
  await traffic.answered(200);

  // A lost Secret is issued anew; meanwhile the last good certificate serves.
  await setup.kubectl(['delete', 'secret', 'mail.phones-tls']);
  await untilRotated([...first, ...second]);
  await traffic.answered(200);

  setup.exchange.organisation.deliver('bob@example.com', { subject: 'for a poll of before' });
  expect(await poll).toMatchObject({ kind: 'changed' });
  expect(await traffic.finish()).toMatchObject(nothingLost);
  expect(await certificateRevision('mail.phones')).toBeGreaterThanOrEqual(3);
  await setup.waitReady();
});

test('a listener that no longer names an issuer leaves no Certificate behind', async () => {
  const listeners = [{ op: 'replace', path: '/spec/listeners/1/tls', value: { selfSigned: {} } }];
  await setup.kubectl([
    'patch',
    'sentrygateway',
    'mail',
    '--type=json',
    '--patch',
    JSON.stringify(listeners),
  ]);
  await eventually('its Certificate is gone', async () => {
    const names = await setup.kubectl(['get', 'certificates.cert-manager.io', '-o', 'name']);
    return names.trim() === 'certificate.cert-manager.io/mail.phones';
  });
  await setup.waitReady();
});

test('when cert-manager is removed its certificates stay in service, and the status says so', async () => {
  const before = await fingerprints();
  await certManager?.kill();
  await removeCertManagerCRDs(setup.cluster);
  const { message } = await resolvedRefs(setup, 'CertManagerNotInstalled');
  expect(message).toContain('the present certificate stays in service');
  expect(await fingerprints()).toEqual(before);
});

test('everything goes with the SentryGateway, also what cert-manager has written', async () => {
  await setup.kubectl(['delete', 'sentrygateway', 'mail']);
  await eventually('its Secrets are gone', async () => {
    return (await setup.kubectl(['get', 'secrets', '-o', 'name'])).trim() === '';
  });
});

test('the operator was never refused by RBAC', () => {
  const refused = requestsForCertManager().filter(
    ({ annotations }) => annotations?.['authorization.k8s.io/decision'] === 'forbid',
  );
  expect(refused).toEqual([]);
});
