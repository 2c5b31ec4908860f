// Service accounts and clients that reach the shared API server through a faulty proxy, by a token in a file.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttachedControlPlane } from './control-plane.ts';

export interface TokenAccess extends Disposable {
  /** A kubeconfig file that names the token's file, as a pod's configuration does. */
  readonly kubeconfig: string;
  readonly token: string;
  /** Writes another token into the file. */
  rotate(token: string): void;
}

/** A new token of a service account. @throws Error with kubectl's words */
export async function issueToken(
  controlPlane: AttachedControlPlane,
  serviceAccount: string,
): Promise<string> {
  const { code, stdout, stderr } = await controlPlane.kubectl(['create', 'token', serviceAccount]);
  if (code !== 0) throw new Error(`no token for ${serviceAccount}: ${stderr}`);
  return stdout.trim();
}

/** Makes a service account in `default` that may do everything. @throws Error with kubectl's words */
export async function makeServiceAccount(controlPlane: AttachedControlPlane, name: string): Promise<void> {
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: `kernel-${name}` },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
      },
    ],
  };
  const { code, stderr } = await controlPlane.kubectl(['apply', '-f', '-'], JSON.stringify(list));
  if (code !== 0) throw new Error(stderr);
}

/** Writes token and kubeconfig under a folder that disposal deletes. */
export function tokenAccess(
  controlPlane: AttachedControlPlane,
  { server, token }: { readonly server: string; readonly token: string },
): TokenAccess {
  const folder = mkdtempSync(join(tmpdir(), 'sentry-token-'));
  const tokenFile = join(folder, 'token');
  const rotate = (next: string): void => writeFileSync(tokenFile, next, { mode: 0o600 });
  rotate(token);
  const kubeconfig = join(folder, 'kubeconfig');
  const authority = Buffer.from(controlPlane.ca).toString('base64');
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'proxied', cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name: 'pod', user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } }],
    contexts: [{ name: 'proxied', context: { cluster: 'proxied', user: 'pod' } }],
    'current-context': 'proxied',
  };
  writeFileSync(kubeconfig, JSON.stringify(document), { mode: 0o600 });
  return {
    kubeconfig,
    token,
    rotate,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
