import { expect, it } from 'vitest';
import type { GatewayReport } from '../gateway/config/report.ts';
import type { Snapshot } from '../gateway/config/snapshot.ts';
import type { GatewayObservation } from './infra/host/hosted-gateway.ts';
import { judgeStartup } from './startup.ts';

const seen = (key: string, more: Partial<GatewayObservation> = {}): GatewayObservation => ({
  key,
  port: 8443,
  wanted: { snapshot: {} as Snapshot, hash: 'a', generation: 1 },
  tooLarge: undefined,
  report: undefined,
  failure: undefined,
  restarts: 0,
  ...more,
});
const judge = (observations: GatewayObservation[], programmed: string[] = [], reasons: string[] = []) =>
  judgeStartup(observations, new Set(programmed), reasons);
const died = { reason: 'Died', message: 'it died' } as const;
const portInUse = { reason: 'PortInUse', message: '127.0.0.1:8443 is in use' } as const;

it('waits until every gateway serves', () => {
  const both = [seen('default/a'), seen('default/b')];
  expect(judge(both)).toEqual({ state: 'Pending' });
  expect(judge(both, ['default/a'])).toEqual({ state: 'Pending' });
  expect(judge(both, ['default/a', 'default/b'])).toEqual({ state: 'Serving' });
});

it('fails without a gateway, with the reasons', () => {
  expect(judge([], [], ['a.yaml:3: spec.port: too large'])).toEqual({
    state: 'Failed',
    message: 'no gateway can be served; a.yaml:3: spec.port: too large',
  });
});

it('fails when a port cannot be had, also while another gateway serves', () => {
  const observations = [seen('default/a'), seen('default/b', { failure: portInUse })];
  expect(judge(observations, ['default/a'])).toEqual({
    state: 'Failed',
    message: 'SentryGateway default/b: 127.0.0.1:8443 is in use',
  });
});

it('forgives a process that died once, and gives up one that dies again and again', () => {
  expect(judge([seen('default/a', { failure: died, restarts: 1 })])).toEqual({ state: 'Pending' });
  expect(judge([seen('default/a', { failure: died, restarts: 3 })])).toEqual({
    state: 'Failed',
    message: 'SentryGateway default/a: it died',
  });
});

it('goes on with those that serve when another is given up', () => {
  const observations = [seen('default/a'), seen('default/b', { failure: died, restarts: 3 })];
  expect(judge(observations, ['default/a'])).toEqual({ state: 'Serving' });
});

it('fails when the only gateway refused its first snapshot', () => {
  const refused = { hash: 'a', message: 'a listener has no key', at: '2026-01-01T00:00:00Z' };
  const report = { snapshot: null, refused } as unknown as GatewayReport;
  expect(judge([seen('default/a', { report })])).toEqual({
    state: 'Failed',
    message: 'SentryGateway default/a: a listener has no key',
  });
});
