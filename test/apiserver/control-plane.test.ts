// The fixture itself: a real API server with RBAC and an audit log, which leaves nothing behind.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../cluster/native/control-plane-commands.ts';
import { attachControlPlane, startControlPlane } from './control-plane.ts';
import type { ControlPlane, ControlPlaneHandle } from './control-plane.ts';

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: true });
});
afterAll(() => controlPlane.stop());

async function apply(...objects: object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  const result = await controlPlane.kubectl(['apply', '-f', '-'], JSON.stringify(list));
  expect(result).toMatchObject({ code: 0 });
}

function configMap(name: string, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', ...metadata } };
}

test('a service account may do what RBAC grants to it and nothing else, and the audit log says what it did', async () => {
  await apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reader', namespace: 'default' } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'reader', namespace: 'default' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'reader', namespace: 'default' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace: 'default' }],
    },
  );
  const kubeconfig = await controlPlane.kubeconfigFor({ namespace: 'default', serviceAccount: 'reader' });
  const list = (resource: string) => controlPlane.kubectl(['--kubeconfig', kubeconfig, 'get', resource]);
  expect(await list('configmaps')).toMatchObject({ code: 0 });
  const refused = await list('secrets');
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toContain(
    'User "system:serviceaccount:default:reader" cannot list resource "secrets"',
  );

  const calls = readFileSync(controlPlane.auditLogPath, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ user }) => user.username === 'system:serviceaccount:default:reader')
    .filter(({ objectRef }) => objectRef !== undefined)
    .map(({ verb, objectRef, responseStatus }) => [verb, objectRef?.resource, responseStatus.code]);
  expect(calls).toEqual([
    ['list', 'configmaps', 200],
    ['list', 'secrets', 403],
  ]);
});

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource: string };
  readonly responseStatus: { readonly code: number };
}

test('a user with a client certificate has the groups asked for', async () => {
  const kubeconfig = await controlPlane.kubeconfigFor({ user: 'jane', groups: ['team-a', 'team, "b"+c=d'] });
  const { stdout } = await controlPlane.kubectl(['--kubeconfig', kubeconfig, 'auth', 'whoami', '-o', 'json']);
  expect(JSON.parse(stdout)).toMatchObject({
    status: { userInfo: { username: 'jane', groups: ['team-a', 'team, "b"+c=d', 'system:authenticated'] } },
  });
});

test('the controller manager deletes what a deleted owner owned', async () => {
  await apply(configMap('owner'));
  const uid = (await controlPlane.kubectl(['get', 'configmap', 'owner', '-o', 'jsonpath={.metadata.uid}']))
    .stdout;
  await apply(
    configMap('owned', { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }] }),
  );
  const owned = '/api/v1/namespaces/default/configmaps/owned';
  expect(await controlPlane.get(owned)).toMatchObject({ status: 200 });
  await controlPlane.kubectl(['delete', 'configmap', 'owner']);
  await until('what it owned is gone', [], async () => (await controlPlane.get(owned)).status === 404);
});

test('the API server comes back with its objects after it was stopped', async () => {
  await apply(configMap('kept'));
  await controlPlane.stopApiServer();
  expect(await controlPlane.get('/readyz')).toMatchObject({ status: 0 });
  await controlPlane.startApiServer();
  expect(await controlPlane.get('/api/v1/namespaces/default/configmaps/kept')).toMatchObject({ status: 200 });
});

test('a control plane ends with the process that started it, even when that is killed', async () => {
  const script = `
    const { startControlPlane } = await import(${JSON.stringify(join(import.meta.dirname, 'control-plane.ts'))});
    const controlPlane = await startControlPlane();
    console.log(JSON.stringify(controlPlane.handle));
    setInterval(() => undefined, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const handle = await new Promise<ControlPlaneHandle>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString()) as ControlPlaneHandle));
    child.once('exit', (code) => reject(new Error(`the other process ended with ${code}`)));
  });
  const attached = await attachControlPlane(handle);
  expect(await attached.get('/readyz')).toMatchObject({ status: 200 });
  child.kill('SIGKILL');
  await until('nobody listens', [], async () => (await attached.get('/readyz')).status === 0);

  expect(existsSync(handle.folder)).toBe(true);
  const next = await startControlPlane();
  expect(existsSync(handle.folder)).toBe(false);
  await next.stop();
  expect(existsSync(next.handle.folder)).toBe(false);
  expect(await next.get('/readyz')).toMatchObject({ status: 0 });
});
