import { describe, expect, it } from 'vitest';
import { parseFieldPath, readObject } from './objects.ts';

const gateway = {
  apiVersion: 'sentrygateway.io/v1alpha1',
  kind: 'SentryGateway',
  metadata: { name: 'mail' },
  spec: { listeners: [{ name: 'phones', hostnames: ['sentry.example.com'], tls: { selfSigned: {} } }] },
};
const core = (kind: string, rest: object) => ({ apiVersion: 'v1', kind, metadata: { name: 'a' }, ...rest });

function messages(value: unknown): string[] {
  const reading = readObject(value);
  return reading.outcome === 'Refused' ? reading.problems.map(({ message }) => message) : [];
}

describe('our kinds', () => {
  it('are read with their defaults', () => {
    const reading = readObject(gateway);
    expect(reading).toMatchObject({
      outcome: 'Read',
      reference: { kind: 'SentryGateway', namespace: 'default', name: 'mail' },
      object: { metadata: { namespace: 'default' }, spec: { port: 443 } },
    });
  });

  it('are refused with every problem and its path', () => {
    const listener = { name: 'Phones', hostnames: [], tls: { selfSigned: {} }, colour: 'red' };
    const reading = readObject({ ...gateway, spec: { port: 70_000, listeners: [listener] } });
    expect(reading).toMatchObject({
      outcome: 'Refused',
      reference: { kind: 'SentryGateway', namespace: 'default', name: 'mail' },
    });
    const paths = reading.outcome === 'Refused' ? reading.problems.map(({ path }) => path) : [];
    expect(paths).toContainEqual(['spec', 'port']);
    expect(paths).toContainEqual(['spec', 'listeners', 0, 'hostnames']);
    expect(paths).toContainEqual(['spec', 'listeners', 0, 'colour']);
    expect(messages({ ...gateway, spec: { ...gateway.spec, port: 70_000 } })).toEqual([
      expect.stringMatching(/^spec\.port: /),
    ]);
  });

  it('are refused under an unknown kind or version', () => {
    expect(messages({ ...gateway, kind: 'SentryGatway' })).toEqual([
      'kind: sentrygateway.io has no kind SentryGatway: use SentryGateway or ExchangeRoute',
    ]);
    expect(messages({ ...gateway, apiVersion: 'sentrygateway.io/v1' })).toEqual([
      'apiVersion: sentrygateway.io/v1 is not known here: use sentrygateway.io/v1alpha1',
    ]);
  });
});

describe('core kinds', () => {
  it('reads a Secret, its stringData over its data', () => {
    const secret = core('Secret', { data: { a: 'eA==', b: 'eQ==' }, stringData: { b: 'text' } });
    expect(readObject(secret)).toMatchObject({
      outcome: 'Read',
      object: { type: 'Opaque', data: { a: 'eA==', b: Buffer.from('text').toString('base64') } },
    });
  });

  it('refuses data that is no base64 without repeating it', () => {
    const refused = messages(core('Secret', { data: { 'tls.key': 'my secret!' } }));
    expect(refused).toEqual([
      expect.stringMatching(/^data.+tls\.key.+: use base64, or write the text itself/),
    ]);
    expect(refused.join()).not.toContain('my secret');
  });

  it('refuses values of a ConfigMap that are no text, as the API server does', () => {
    expect(messages(core('ConfigMap', { data: { port: 1 } }))).toEqual([
      expect.stringMatching(/^data\.port: /),
    ]);
    expect(messages(core('ConfigMap', { dota: {} }))).toEqual([
      'dota: unknown field: remove it or correct its name',
    ]);
  });

  it('gives a Namespace the label of its name', () => {
    const reading = readObject({
      ...core('Namespace', {}),
      metadata: { name: 'team-a', labels: { team: 'a' } },
    });
    expect(reading).toMatchObject({
      reference: { namespace: '', name: 'team-a' },
      object: { metadata: { labels: { team: 'a', 'kubernetes.io/metadata.name': 'team-a' } } },
    });
  });

  it('refuses an object without a name', () => {
    expect(messages({ ...core('ConfigMap', {}), metadata: {} })).toEqual([
      expect.stringMatching(/^metadata\.name: /),
    ]);
    expect(messages({ apiVersion: 'v1', kind: 'Secret' })).toEqual([expect.stringMatching(/^metadata: /)]);
  });
});

it('passes over all other kinds', () => {
  expect(readObject({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } })).toEqual({
    outcome: 'Ignored',
    message: 'apps/v1 Deployment is not read here and was ignored',
  });
  expect(readObject(core('Service', {}))).toMatchObject({ outcome: 'Ignored' });
});

it.each([
  ['a list', [1]],
  ['a text', 'text'],
  ['null', null],
])('refuses %s', (_, value) => {
  expect(messages(value)).toEqual(['must be an object with apiVersion, kind, metadata and spec']);
});

it.each([
  ['no apiVersion', { kind: 'Secret' }, 'apiVersion: is required, as text'],
  ['no kind', { apiVersion: 'v1' }, 'kind: is required, as text'],
  ['a number for the version', { apiVersion: 1, kind: 'Secret' }, 'apiVersion: is required, as text'],
])('refuses %s', (_, value, message) => {
  expect(messages(value)).toEqual([message]);
});

it('reads the text of a path', () => {
  expect(parseFieldPath('spec.listeners[0].tls')).toEqual(['spec', 'listeners', 0, 'tls']);
  expect(parseFieldPath('')).toEqual([]);
});
