// What a test holds of a running API server: kubeconfig files for any identity, kubectl, and plain GET requests.
import { spawn } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { openPki } from './certificates.ts';
import type { KeyPair, Pki } from './certificates.ts';
import { programFolder } from './programs.ts';

/** A service account (its token is asked of the API server), or a user with a client certificate. */
export type Identity =
  | { readonly namespace: string; readonly serviceAccount: string }
  | { readonly user: string; readonly groups?: readonly string[] };

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit code; 128 when a signal ended it. */
  readonly code: number;
}

export interface ApiAccess {
  /** `https://address:port` of the API server. */
  readonly server: string;
  /** The authority of the API server's certificate, PEM. */
  readonly ca: string;
  /** A kubeconfig file of the group system:masters. */
  readonly kubeconfigPath: string;
  /** A kubeconfig file for that identity; it has exactly the rights that RBAC gives to it. */
  kubeconfigFor(identity: Identity): Promise<string>;
  /** Runs kubectl as the administrator; `--kubeconfig` among the arguments overrides that. Never throws for a non-zero exit. */
  kubectl(args: readonly string[], stdin?: string): Promise<CommandResult>;
  /** GET as the administrator, for example `/readyz`; status 0 when nobody listens. */
  get(path: string): Promise<{ readonly status: number; readonly body: string }>;
}

export interface AccessOptions {
  readonly server: string;
  /** The state folder of the cluster: `pki/` is read, `access/` is written. */
  readonly folder: string;
}

/** Opens the access to the API server of a cluster's state folder; the server need not run yet. */
export async function openAccess({ server, folder }: AccessOptions): Promise<ApiAccess> {
  const pki = await openPki(join(folder, 'pki'));
  const files = join(folder, 'access');
  mkdirSync(files, { recursive: true, mode: 0o700 });
  const write = (name: string, credentials: Credentials): string => {
    const path = join(files, `${name}.kubeconfig`);
    // Another process that uses the cluster may read it at this moment.
    writeFileSync(`${path}.${process.pid}`, kubeconfig(server, pki, credentials), { mode: 0o600 });
    renameSync(`${path}.${process.pid}`, path);
    return path;
  };
  const administrator = await pki.issue({ commonName: 'administrator', organizations: ['system:masters'] });
  const kubeconfigPath = write('administrator', administrator);
  const environment = { ...process.env, KUBECONFIG: kubeconfigPath, KUBECACHEDIR: join(files, 'kubectl') };
  const kubectl = (args: readonly string[], stdin?: string): Promise<CommandResult> =>
    runCommand([join(programFolder(), 'kubectl'), ...args], { stdin, environment });
  return {
    server,
    ca: pki.ca,
    kubeconfigPath,
    kubectl,
    get: (path) => get(server + path, pki.ca, administrator),
    kubeconfigFor: async (identity) => {
      if ('user' in identity) {
        const pair = await pki.issue({ commonName: identity.user, organizations: identity.groups ?? [] });
        return write(`user-${fileName(identity.user)}`, pair);
      }
      const { namespace, serviceAccount } = identity;
      const token = await kubectl(['create', 'token', serviceAccount, '-n', namespace, '--duration=24h']);
      if (token.code !== 0) throw new Error(`no token for ${namespace}/${serviceAccount}: ${token.stderr}`);
      return write(`service-account-${namespace}-${serviceAccount}`, { token: token.stdout.trim() });
    },
  };
}

type Credentials = KeyPair | { readonly token: string };

/** A kubeconfig document (JSON, and so YAML) with everything embedded. */
export function kubeconfig(server: string, pki: Pki, credentials: Credentials): string {
  const user =
    'token' in credentials
      ? { token: credentials.token }
      : {
          'client-certificate-data': base64(credentials.certificate),
          'client-key-data': base64(credentials.key),
        };
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'native', cluster: { server, 'certificate-authority-data': base64(pki.ca) } }],
    users: [{ name: 'user', user }],
    contexts: [{ name: 'native', context: { cluster: 'native', user: 'user' } }],
    'current-context': 'native',
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function base64(value: string): string {
  return Buffer.from(value).toString('base64');
}

function fileName(user: string): string {
  return user.replaceAll(/[^a-zA-Z0-9-]/g, '_');
}

function get(url: string, ca: string, pair: KeyPair): Promise<{ status: number; body: string }> {
  return new Promise((resolve) => {
    const options = { ca, cert: pair.certificate, key: pair.key, agent: false, timeout: 5000 };
    const call = request(url, options, (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, body }),
        () => resolve({ status: 0, body: '' }),
      );
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve({ status: 0, body: '' }));
    call.end();
  });
}

/** Runs a command to its end with its output collected. Throws only when it cannot be started. */
export async function runCommand(
  command: readonly string[],
  options: {
    readonly stdin?: string | NodeJS.ReadableStream | undefined;
    readonly environment?: NodeJS.ProcessEnv;
  } = {},
): Promise<CommandResult> {
  const [executable = '', ...args] = command;
  const child = spawn(executable, args, { env: options.environment ?? process.env });
  const code = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? 128));
  });
  // A command that ends without reading its input is judged by its exit code.
  child.stdin.on('error', () => undefined);
  if (options.stdin === undefined || typeof options.stdin === 'string') child.stdin.end(options.stdin);
  else options.stdin.pipe(child.stdin);
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), code]);
  return { stdout, stderr, code: status };
}
