// What a schema cannot say about a snapshot: whether its files are there and mean what they are used for.
import { createSecureContext } from 'node:tls';
import { checkPair, parseCertificates } from './certificates.ts';
import type { Snapshot, SnapshotFiles, SnapshotListener, SnapshotRoute } from './snapshot.ts';

/** Length of the ticket key file. */
export const TICKET_KEY_BYTES = 48;

/**
 * Everything that keeps a gateway from serving this snapshot, in words that say what to do; empty when it is good. Never holds
 * anything of a private key. An expired certificate is no reason: it is served, and shows in the metrics.
 */
export function validateSnapshot(snapshot: Snapshot, files: SnapshotFiles): string[] {
  const { ticketKeyFile, admin } = snapshot;
  const routeNames = snapshot.routes.map(({ namespace, name }) => `${namespace}/${name}`);
  const problems = [
    ...duplicates(
      'listener',
      snapshot.listeners.map(({ name }) => name),
    ),
    ...duplicates('route', routeNames),
    ...snapshot.listeners.flatMap((listener) => checkListener(listener, files)),
    ...snapshot.routes.flatMap((route) => checkRoute(route, snapshot)),
    ...[...caFilesByRoute(snapshot.routes)].flatMap(([name, owner]) => checkCA(owner, name, files)),
    ...(files.get(ticketKeyFile)?.length === TICKET_KEY_BYTES
      ? []
      : [`${ticketKeyFile}: the ticket key must be a file of ${TICKET_KEY_BYTES} bytes`]),
  ];
  if (admin !== undefined) {
    problems.push(...checkPairFiles('admin', admin, files), ...checkCA('admin', admin.clientCAFile, files));
  }
  return problems;
}

function duplicates(kind: string, names: readonly string[]): string[] {
  const seen = new Set<string>();
  const twice = names.filter((name) => seen.size === seen.add(name).size);
  return [...new Set(twice)].map((name) => `${kind} ${name} occurs more than once`);
}

interface PairFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

function checkListener(listener: SnapshotListener, files: SnapshotFiles): string[] {
  const owner = `listener ${listener.name}`;
  const problems = listener.certificates.flatMap((pair) => checkPairFiles(owner, pair, files));
  if (problems.length > 0) return problems;
  const keyTypes = listener.certificates.map(({ certificateFile, keyFile }) => {
    return checkPair(fileOf(files, certificateFile), fileOf(files, keyFile)).keyType;
  });
  return duplicates(`${owner}: a certificate with key type`, keyTypes);
}

function checkPairFiles(
  owner: string,
  { certificateFile, keyFile }: PairFiles,
  files: SnapshotFiles,
): string[] {
  const missing = [certificateFile, keyFile].filter((name) => !files.has(name));
  if (missing.length > 0) return missing.map((name) => `${owner}: file ${name} is missing`);
  return problemsOf(`${owner}: ${certificateFile}`, () => {
    checkPair(fileOf(files, certificateFile), fileOf(files, keyFile));
    createSecureContext({ cert: fileOf(files, certificateFile), key: fileOf(files, keyFile) });
  });
}

function checkRoute(route: SnapshotRoute, snapshot: Snapshot): string[] {
  const owner = `route ${route.namespace}/${route.name}`;
  const unknown = route.listeners.filter(
    (name) => !snapshot.listeners.some((listener) => listener.name === name),
  );
  return [
    ...unknown.map((name) => `${owner}: there is no listener ${name}`),
    ...duplicates(
      `${owner}: server`,
      route.servers.map(({ name }) => name),
    ),
  ];
}

/** Each CA file once, with the first route that names it: thousands of routes may share one. */
function caFilesByRoute(routes: readonly SnapshotRoute[]): Map<string, string> {
  const owners = new Map<string, string>();
  for (const { namespace, name, authentication, serverTLS, redirects } of routes) {
    const oauthFile = authentication.type === 'OAuth' ? authentication.oauth.caFile : undefined;
    for (const file of [serverTLS.caFile, redirects.caFile, oauthFile]) {
      if (file !== undefined && !owners.has(file)) owners.set(file, `route ${namespace}/${name}`);
    }
  }
  return owners;
}

function checkCA(owner: string, name: string, files: SnapshotFiles): string[] {
  if (!files.has(name)) return [`${owner}: file ${name} is missing`];
  return problemsOf(`${owner}: ${name}`, () => parseCertificates(fileOf(files, name)));
}

function fileOf(files: SnapshotFiles, name: string): Buffer {
  return files.get(name) ?? Buffer.alloc(0);
}

function problemsOf(subject: string, check: () => void): string[] {
  try {
    check();
    return [];
  } catch (error) {
    return [`${subject}: ${error instanceof Error ? error.message : String(error)}`];
  }
}
