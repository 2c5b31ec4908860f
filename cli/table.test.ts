import { expect, it } from 'vitest';
import { kinds } from '../operator/api/custom-resource-definition.ts';
import { printTables, valueAt } from './table.ts';

const conditions = [
  { type: 'Accepted', status: 'True' },
  { type: 'Programmed', status: 'Unknown' },
  { type: 'Ready', status: 'False' },
];
const gateway = (name: string) => ({
  kind: 'SentryGateway',
  metadata: { namespace: 'default', name },
  spec: { port: 8443, listeners: [{ hostnames: ['sentry.example.com'] }] },
  status: { addresses: [{ value: '127.0.0.1' }], readyReplicas: 0, conditions },
});
const route = {
  kind: 'ExchangeRoute',
  metadata: { namespace: 'team-a', name: 'example-com' },
  spec: { gatewayRefs: [{ name: 'mail' }], match: { domains: ['example.com', 'EXAMPLE'] } },
  status: { conditions },
};

it('prints a table for each kind, aligned, without the columns that are empty everywhere', () => {
  expect(printTables([route, gateway('mail'), gateway('a-longer-name')])).toMatchInlineSnapshot(`
    "NAMESPACE   NAME                                           HOSTNAME             PORT   ADDRESS     REPLICAS   ACCEPTED   PROGRAMMED   READY
    default     sentrygateway.sentrygateway.io/mail            sentry.example.com   8443   127.0.0.1   0          True       Unknown      False
    default     sentrygateway.sentrygateway.io/a-longer-name   sentry.example.com   8443   127.0.0.1   0          True       Unknown      False

    NAMESPACE   NAME                                         GATEWAY   DOMAINS                     ACCEPTED   PROGRAMMED   READY
    team-a      exchangeroute.sentrygateway.io/example-com   mail      ["example.com","EXAMPLE"]   True       Unknown      False
    "
  `);
});

it('prints nothing for no objects', () => {
  expect(printTables([])).toBe('');
});

it('reads every path that a printer column uses', () => {
  const paths = kinds.flatMap(({ columns }) => columns.map(({ jsonPath }) => jsonPath));
  const steps = /^(\.\w+|\[\d+\]|\[\?\(@\.\w+=="[^"]*"\)\])+$/;
  expect(paths.filter((path) => !steps.test(path))).toEqual([]);
});

it('finds nothing where a path leads nowhere', () => {
  expect(valueAt({ a: 1 }, '.a.b.c')).toBeUndefined();
  expect(valueAt({ a: null }, '.a[0]')).toBeUndefined();
  expect(valueAt({ a: {} }, '.a[?(@.type=="x")].status')).toBeUndefined();
});
