// `sentry status DIR`: the objects with their status, as kubectl would show them, and what phones are to be given.
import { stringify } from 'yaml';
import { mergeConditions } from '../operator/api/conditions.ts';
import { type ObjectWithStatus, StatusFiles } from '../operator/infra/host/status-files.ts';
import { describeProblem } from '../operator/provider/describe-problem.ts';
import { readManifests } from '../operator/provider/file/file-provider.ts';
import type { ProvidedResources } from '../operator/provider/types.ts';
import { authorityPath, isRunning, statusDirectory } from '../operator/state-directory.ts';
import { printClientSettings } from './client-settings.ts';
import { checkDirectory } from './directory.ts';
import { printTables } from './table.ts';

export interface StatusCommand {
  readonly directory: string;
  readonly output: 'table' | 'yaml' | 'json';
}

/**
 * Prints what the standalone process of the directory wrote last; where none runs, everything is `Programmed=Unknown`. What
 * is refused of the manifests goes to stderr.
 */
export async function status({ directory, output }: StatusCommand): Promise<number> {
  await checkDirectory(directory);
  const running = await isRunning(directory);
  const known = await new StatusFiles(statusDirectory(directory)).read();
  const { resources, problems } = await readManifests(directory, AbortSignal.timeout(60_000));
  const objects = running ? known : withoutProcess(resources, known);
  process.stdout.write(print(directory, objects, output));
  for (const problem of problems) process.stderr.write(`${describeProblem(problem)}\n`);
  if (!running) process.stderr.write(`No standalone process runs on ${directory}.\n`);
  return 0;
}

function print(
  directory: string,
  objects: readonly ObjectWithStatus[],
  output: StatusCommand['output'],
): string {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  switch (output) {
    case 'json':
      return `${JSON.stringify(list, null, 4)}\n`;
    case 'yaml':
      return stringify(list, { lineWidth: 0, aliasDuplicateObjects: false });
    case 'table':
      return objects.length === 0
        ? 'No resources found\n'
        : [printTables(objects), ...objects.flatMap((object) => clientsOf(directory, object))].join('\n');
  }
}

function clientsOf(directory: string, object: ObjectWithStatus): string[] {
  const { namespace, name } = object.metadata;
  if (object.kind === 'SentryGateway') {
    const clients = object.status?.clients;
    if (clients === undefined) return [];
    const selfSigned = object.spec.listeners.some(({ tls }) => tls.selfSigned !== undefined);
    const authority = selfSigned ? authorityPath(directory, object.metadata) : undefined;
    return [printClientSettings(`Phones of ${namespace}/${name}`, clients, authority)];
  }
  return (object.status?.gateways ?? []).flatMap(({ clients, gatewayRef }) => {
    if (clients?.signInURL === undefined) return [];
    const gateway = `${gatewayRef.namespace ?? namespace}/${gatewayRef.name}`;
    return [printClientSettings(`Phones of route ${namespace}/${name} at ${gateway}`, clients)];
  });
}

/** The objects of the manifests with the status of the last run, as far as there is one: nobody observes them now. */
function withoutProcess(
  { gateways, routes }: ProvidedResources,
  known: readonly ObjectWithStatus[],
): ObjectWithStatus[] {
  const last = new Map(known.map((object) => [keyOf(object), object]));
  return [...gateways, ...routes].map((object) => notRunning(last.get(keyOf(object)) ?? object));
}

function keyOf({ kind, metadata }: ObjectWithStatus): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}

function notRunning(object: ObjectWithStatus): ObjectWithStatus {
  const conditions = object.status?.conditions ?? [];
  const last = conditions.find(({ type }) => type === 'Programmed');
  const past =
    last === undefined || last.reason === 'NotRunning' ? '' : `; last: ${last.reason}: ${last.message}`;
  const unknown = { status: 'Unknown', observedGeneration: undefined } as const;
  const updates = [
    { type: 'Programmed', reason: 'NotRunning', message: `no standalone process runs${past}`, ...unknown },
    { type: 'Ready', reason: 'NotReady', message: 'Programmed is Unknown', ...unknown },
  ];
  const merged = mergeConditions(conditions, updates, new Date());
  return { ...object, status: { ...object.status, conditions: merged } };
}
