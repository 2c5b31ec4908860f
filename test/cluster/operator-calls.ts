// What the operator asked of the API server while the tests of a cluster ran: test/rights compares it with its roles.
import { createReadStream, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const operator = 'system:serviceaccount:sentry-system:sentry-operator';
const folder = join(import.meta.dirname, '../../dist/tests/operator-calls');

/** One kind of call, whatever the object and however often. */
export interface OperatorCall {
  readonly verb: string;
  /** `<plural>[/<subresource>]`, with `.<group>` where the group is not the core one: `deployments.apps`. */
  readonly resource: string;
  /** True when RBAC refused it. */
  readonly refused: boolean;
}

interface AuditEvent {
  readonly verb: string;
  readonly user?: { readonly username?: string };
  readonly objectRef?: {
    readonly resource?: string;
    readonly apiGroup?: string;
    readonly subresource?: string;
  };
  readonly annotations?: { readonly 'authorization.k8s.io/decision'?: string };
}

/** Reads an audit log of one event a line, and keeps what concerns the operator, under the vitest project's name. */
export async function recordOperatorCalls(project: string, auditLogPath: string): Promise<void> {
  const calls = new Map<string, OperatorCall>();
  for await (const line of createInterface({ input: createReadStream(auditLogPath) })) {
    if (!line.includes(`"${operator}"`)) continue;
    const event = JSON.parse(line) as AuditEvent;
    if (event.user?.username !== operator || event.objectRef?.resource === undefined) continue;
    const call = callOf(event);
    calls.set(JSON.stringify(call), call);
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${project}.json`), JSON.stringify([...calls.values()], null, 1));
}

/** What the last run of a project with a cluster recorded, or of all. @throws Error when there was none */
export function readOperatorCalls(project = '*'): OperatorCall[] {
  const paths = globSync(join(folder, `${project}.json`));
  if (paths.length === 0)
    throw new Error('no calls are recorded: run `build/test.sh cluster disturbance` first');
  return paths.flatMap((path) => JSON.parse(readFileSync(path, 'utf8')) as OperatorCall[]);
}

/** A resource as OperatorCall names it. */
export function resourceName(group: string, resource: string): string {
  return group === '' ? resource : `${resource}.${group}`;
}

function callOf({ verb, objectRef, annotations }: AuditEvent): OperatorCall {
  const { resource = '', subresource, apiGroup = '' } = objectRef ?? {};
  return {
    verb,
    resource: resourceName(apiGroup, subresource === undefined ? resource : `${resource}/${subresource}`),
    refused: annotations?.['authorization.k8s.io/decision'] === 'forbid',
  };
}
