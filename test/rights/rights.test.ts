// The operator's roles are exactly what it needs: runs after the project `cluster`, whose calls it compares with the chart.
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { renderChart } from '../../build/chart.ts';
import { readOperatorCalls, resourceName } from '../cluster/operator-calls.ts';

interface Role {
  readonly kind: string;
  readonly rules?: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

/** `<verb> <resource>` of everything that the chart's roles allow. */
function granted(): string[] {
  const documents = parseAllDocuments(renderChart()).map((document) => document.toJS() as Role);
  const rules = documents.flatMap((role) => role.rules ?? []);
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resourceName(group, resource)}`)),
    ),
  );
}

test('no rule has a wildcard', () => {
  expect(granted().filter((right) => right.includes('*'))).toEqual([]);
});

test('every verb of every rule was used', () => {
  const used = new Set(readOperatorCalls().map(({ verb, resource }) => `${verb} ${resource}`));
  expect(granted().filter((right) => !used.has(right))).toEqual([]);
});

test('where nobody takes its roles away, the operator was refused nothing', () => {
  expect(readOperatorCalls('cluster').filter((call) => call.refused)).toEqual([]);
});

test('elsewhere it was refused only what its roles allow', () => {
  // Helm takes the roles away while the operator still runs, and an API server that starts does not know them at once.
  const rights = new Set(granted());
  const refused = readOperatorCalls().filter((call) => call.refused);
  expect(refused.filter(({ verb, resource }) => !rights.has(`${verb} ${resource}`))).toEqual([]);
});
