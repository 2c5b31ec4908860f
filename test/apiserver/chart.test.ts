// What the chart renders is what a real API server takes, with no field that it does not know.
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import type { AttachedControlPlane } from './control-plane.ts';
import { sharedControlPlane } from './global-setup.ts';

const golden = join(import.meta.dirname, '../chart/golden');
/** Those of the Prometheus Operator are not there. */
const foreignKinds = new Set(['ServiceMonitor']);

let controlPlane: AttachedControlPlane;

beforeAll(async () => {
  controlPlane = await sharedControlPlane();
  for (const namespace of ['sentry-system', 'mail', 'mail-test']) {
    const { code, stderr } = await controlPlane.kubectl(['create', 'namespace', namespace]);
    if (code !== 0 && !stderr.includes('already exists')) throw new Error(stderr);
  }
});

test.for(globSync(join(golden, '*.out.yaml')).map((path) => [basename(path), path] as const))(
  'the API server takes %s',
  async ([, path]) => {
    const objects = parseAllDocuments(readFileSync(path, 'utf8')).map(
      (document) => document.toJS() as { readonly kind: string },
    );
    const known = objects.filter(({ kind }) => !foreignKinds.has(kind));
    const { code, stdout, stderr } = await controlPlane.kubectl(
      ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-'],
      known.map((object) => stringify(object)).join('---\n'),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trim().split('\n')).toHaveLength(known.length);
  },
);
