import { describe, expect, test } from 'vitest';
import type { ExchangeRouteStatus } from '../api/exchange-route.ts';
import type { Condition } from '../api/meta.ts';
import type { SentryGatewayStatus } from '../api/sentry-gateway.ts';
import { holdBackMs } from './urgency.ts';

const lastTransitionTime = '2026-01-01T00:00:00Z';

function condition(type: string, status: Condition['status'], reason: string, message = ''): Condition {
  return { type, status, reason, message, lastTransitionTime };
}

const programmed = condition('Programmed', 'True', 'Programmed', 'served by 2 of 2');
const pending = condition('Programmed', 'False', 'Pending');

function route(
  healthyPods: number,
  pods: number,
  conditions: Condition[] = [programmed],
): ExchangeRouteStatus {
  return { observedGeneration: 1, conditions, gateways: [], servers: [{ name: 'mbx', healthyPods, pods }] };
}

describe('a change waits', () => {
  test('while what was served is on its way to the pods', () => {
    expect(holdBackMs(route(2, 2), { ...route(2, 2, [pending]), observedGeneration: 2 })).toBeGreaterThan(0);
  });

  test('when it is only of how many pods there are, and of the message that says so', () => {
    const message = condition('Programmed', 'True', 'Programmed', 'served by 3 of 3');
    expect(holdBackMs(route(2, 2), route(3, 3, [message]))).toBeGreaterThan(0);
  });
});

describe('a change does not wait', () => {
  test.each([
    ['the first status', undefined, route(2, 2)],
    ['another generation', route(2, 2), { ...route(2, 2), observedGeneration: 2 }],
    ['pods that refuse it', route(2, 2), route(2, 2, [condition('Programmed', 'False', 'Refused')])],
    ['no pod is ready', route(2, 2), route(2, 2, [condition('Programmed', 'False', 'NoReadyGateway')])],
    ['the last pod has lost a server', route(1, 2), route(0, 2)],
    ['the first pod reaches a server again', route(0, 2), route(1, 2)],
    ['served at last', route(2, 2, [pending]), route(2, 2)],
  ])('%s', (_, previous, next) => {
    expect(holdBackMs(previous, next)).toBe(0);
  });

  test("a gateway's own number of pods", () => {
    const gateway = (replicas: number): SentryGatewayStatus => ({
      observedGeneration: 1,
      conditions: [programmed],
      replicas,
    });
    expect(holdBackMs(gateway(2), gateway(3))).toBe(0);
  });
});
