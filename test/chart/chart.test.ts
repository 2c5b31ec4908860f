// What the chart renders: golden files, every value has an effect, and bad values are refused with words.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { chartFolder, renderChart } from '../../build/chart.ts';

const root = join(import.meta.dirname, '../..');
const golden = globSync(join(import.meta.dirname, 'golden/*.values.yaml')).toSorted();

interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

function manifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
}

function yamlFile(path: string): unknown {
  return parse(readFileSync(path, 'utf8'));
}

function render(values: object, args: readonly string[] = []): string {
  const given = Object.entries(values).flatMap(([name, value]) => [
    '--set-json',
    `${name}=${JSON.stringify(value)}`,
  ]);
  return renderChart({ args: [...given, ...args] });
}

test.for(golden.map((path) => [basename(path, '.values.yaml'), path] as const))(
  'golden: %s',
  ([, valuesPath]) => {
    const rendered = renderChart({ args: ['--values', valuesPath, '--set', 'crds.install=false'] });
    const path = valuesPath.replace(/[.]values[.]yaml$/, '.out.yaml');
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, rendered);
    expect(rendered).toBe(readFileSync(path, 'utf8'));
  },
);

/** The paths of everything that values.yaml lets one set. */
function leaves(value: unknown, path: readonly string[] = []): string[][] {
  const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isGroup || Object.keys(value).length === 0 || path.join('.') === 'resources') return [[...path]];
  return Object.entries(value).flatMap(([name, child]) => leaves(child, [...path, name]));
}

function without(values: object, [first = '', ...rest]: readonly string[]): object {
  const { [first]: child, ...others } = values as Record<string, object>;
  if (child === undefined) return values;
  return rest.length === 0 ? others : { ...others, [first]: without(child, rest) };
}

const defaults = yamlFile(join(chartFolder, 'values.yaml'));
const everyValue = yamlFile(join(import.meta.dirname, 'golden/every-value.values.yaml')) as object;
/** A digest makes its tag moot, and a policy that is off has nothing in it: their effect shows in golden files of their own. */
const shownElsewhere = new Set(['image.digest', 'gatewayImage.digest', 'networkPolicy.enabled']);

test.for(
  leaves(defaults)
    .map((path) => [path.join('.'), path] as const)
    .filter(([name]) => !shownElsewhere.has(name)),
)('the value %s has an effect', ([, path]) => {
  expect(render(without(everyValue, path))).not.toBe(render(everyValue));
});

test('no value is described twice, or only in one of values.yaml and its schema', () => {
  interface Schema {
    readonly description?: string;
    readonly properties?: Readonly<Record<string, Schema>>;
  }
  const names = (schema: Schema, value: unknown, path: readonly string[]): string[] =>
    Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
      expect([name, property.description]).toEqual([name, expect.stringMatching(/[.]$/)]);
      const child = (value as Record<string, unknown> | undefined)?.[name];
      const isGroup = property.properties !== undefined && name !== 'resources';
      return isGroup ? names(property, child, [...path, name]) : [[...path, name].join('.')];
    });
  const schema = JSON.parse(readFileSync(join(chartFolder, 'values.schema.json'), 'utf8')) as Schema;
  const described = names(schema, defaults, []).filter((name) => name !== 'global');
  expect(described.toSorted()).toEqual(
    leaves(defaults)
      .map((path) => path.join('.'))
      .toSorted(),
  );
});

test.for([
  [
    'a name that nobody reads',
    { watchNamespace: ['mail'] },
    "additional properties 'watchNamespace' not allowed",
  ],
  [
    'a name that nobody reads, further down',
    { image: { name: 'x' } },
    "at '/image': additional properties 'name' not allowed",
  ],
  ['replicas that are none', { replicas: 0 }, "at '/replicas': minimum"],
  ['replicas as a string', { replicas: '2' }, "at '/replicas': got string, want integer"],
  ['a namespace that cannot be', { watchNamespaces: ['Mail'] }, "at '/watchNamespaces/0'"],
  [
    'one namespace without its list',
    { watchNamespaces: 'mail' },
    "at '/watchNamespaces': got string, want array",
  ],
  ['an address instead of a range', { clusterCIDRs: ['10.96.0.0'] }, "at '/clusterCIDRs/0'"],
  ['a digest without its algorithm', { image: { digest: 'abc' } }, "at '/image/digest'"],
  ['a repository with its tag', { image: { repository: 'UPPER/x' } }, "at '/image/repository'"],
  ['a pull policy that is none', { image: { pullPolicy: 'always' } }, "'Always', 'IfNotPresent', 'Never'"],
  [
    'pull secrets as strings',
    { imagePullSecrets: ['registry'] },
    "at '/imagePullSecrets/0': got string, want object",
  ],
  [
    'a port that is none',
    { networkPolicy: { apiServer: { ports: [0] } } },
    "at '/networkPolicy/apiServer/ports/0'",
  ],
] as const)('refused: %s', ([, values, words]) => {
  expect(() => render(values)).toThrow(words);
});

test('CRDs come with the release, stay when it goes, and fit into its record', () => {
  const crds = manifests(renderChart()).filter(({ kind }) => kind === 'CustomResourceDefinition');
  const committed = globSync(join(root, 'crds/*.yaml')).toSorted();
  expect(crds).toHaveLength(committed.length);
  for (const path of committed) {
    const own = yamlFile(path) as Manifest;
    const { annotations, ...metadata } = crds.find(({ metadata: { name } }) => name === own.metadata.name)
      ?.metadata ?? { name: '' };
    expect(metadata).toEqual(own.metadata);
    expect(annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
    expect(crds).toContainEqual({ ...own, metadata: { ...own.metadata, annotations } });
    expect(readFileSync(path).length).toBeLessThan(200_000);
  }
  expect(manifests(render({ crds: { install: false } })).map(({ kind }) => kind)).not.toContain(
    'CustomResourceDefinition',
  );
});

test('the version is that of package.json', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(yamlFile(join(chartFolder, 'Chart.yaml'))).toMatchObject({ version, appVersion: version });
});

test('two releases share nothing but the CRDs, and gateways know the pods of both by their label', () => {
  const names = (release: string): string[] =>
    manifests(renderChart({ release, args: ['--set', 'crds.install=false'] })).map(
      ({ kind, metadata: { name, namespace = '' } }) => `${kind} ${namespace}/${name}`,
    );
  expect(names('mail')).not.toEqual(expect.arrayContaining([expect.stringMatching(/\/sentry-operator$/)]));
  expect(names('mail').filter((name) => names('sentry-operator-eu').includes(name))).toEqual([]);
  const rendered = manifests(renderChart({ release: 'mail' }));
  const deployment = rendered.find(({ kind }) => kind === 'Deployment') as Manifest & {
    spec: { template: { metadata: { labels: Record<string, string> } } };
  };
  expect(deployment.spec.template.metadata.labels).toMatchObject({
    'app.kubernetes.io/name': 'sentry-operator',
    'app.kubernetes.io/instance': 'mail',
  });
});

test('a label of the user takes none of ours away', () => {
  const deployment = manifests(render({ podLabels: { 'app.kubernetes.io/name': 'mine' } })).find(
    ({ kind }) => kind === 'Deployment',
  ) as Manifest & { spec: { template: { metadata: { labels: Record<string, string> } } } };
  expect(deployment.spec.template.metadata.labels['app.kubernetes.io/name']).toBe('sentry-operator');
});
