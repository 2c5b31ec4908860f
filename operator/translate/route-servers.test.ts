// A default is not written into a snapshot: so the API's have to be the gateway's own.
import { expect, test } from 'vitest';
import { PROBES } from '../../gateway/pipeline.ts';
import { DEFAULT_QUEUE_SECONDS, DEFAULT_QUEUED_REQUESTS } from '../../gateway/pipeline/route-servers.ts';
import { DEFAULT_HEALTH_SETTINGS } from '../../gateway/upstream/health.ts';
import { DEFAULT_MAX_REPLAY_PERCENT } from '../../gateway/upstream/replay-budget.ts';
import { DEFAULT_MAX_EJECTED_PERCENT } from '../../gateway/upstream/server-choice.ts';
import { health, limits } from '../api/route-servers.ts';

test("the API's defaults about servers are the gateway's", () => {
  expect(health.parse({})).toEqual({
    active: {
      type: PROBES.type ?? 'Options',
      intervalSeconds: PROBES.intervalMs / 1000,
      timeoutSeconds: PROBES.timeoutMs / 1000,
      unhealthyThreshold: DEFAULT_HEALTH_SETTINGS.failuresToDown,
      healthyThreshold: DEFAULT_HEALTH_SETTINGS.successesToReturn,
    },
    passive: {
      failingUsers: DEFAULT_HEALTH_SETTINGS.usersToDegraded,
      ejectionSeconds: DEFAULT_HEALTH_SETTINGS.degradedHoldMs / 1000,
      maxEjectedPercent: DEFAULT_MAX_EJECTED_PERCENT,
    },
    slowStartSeconds: 0,
  });
  const { maxReplayPercent, maxQueuedRequests, queueSeconds } = limits.unwrap().shape;
  expect(maxReplayPercent.unwrap().description).toContain(`Default ${DEFAULT_MAX_REPLAY_PERCENT}.`);
  expect(maxQueuedRequests.unwrap().description).toContain(`Default ${DEFAULT_QUEUED_REQUESTS}.`);
  expect(queueSeconds.unwrap().description).toContain(`Default ${DEFAULT_QUEUE_SECONDS}.`);
});
