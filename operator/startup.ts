// Judges whether standalone mode has come up: what must work at the start may fail later without ending anything.
import type { GatewayObservation } from './infra/host/hosted-gateway.ts';
import type { Key } from './translate/types.ts';

/** A gateway whose process died so often before it ever served is taken for one that cannot. */
const GIVEN_UP_AFTER = 3;

/** `Pending` until each gateway either serves or has failed. */
export type StartupVerdict =
  { readonly state: 'Pending' | 'Serving' } | { readonly state: 'Failed'; readonly message: string };

/**
 * Fails when a port cannot be had, or when no gateway can serve.
 *
 * @param observations of the gateways that are to be served
 * @param programmed those that were seen to serve
 * @param reasons why others cannot be served at all, in words
 */
export function judgeStartup(
  observations: readonly GatewayObservation[],
  programmed: ReadonlySet<Key>,
  reasons: readonly string[],
): StartupVerdict {
  if (observations.length === 0) return failed(['no gateway can be served', ...reasons].join('; '));
  const ports = observations.flatMap(({ key, failure }) =>
    failure === undefined || failure.reason === 'Died' ? [] : [`SentryGateway ${key}: ${failure.message}`],
  );
  if (ports.length > 0) return failed(ports.join('; '));
  const open = observations.filter(({ key }) => !programmed.has(key));
  const lost = open.filter(hasGivenUp);
  if (open.length > lost.length) return { state: 'Pending' };
  if (lost.length < observations.length) return { state: 'Serving' };
  return failed(lost.map(({ key, ...seen }) => `SentryGateway ${key}: ${whyNot(seen)}`).join('; '));
}

function hasGivenUp({ failure, restarts, report, wanted }: GatewayObservation): boolean {
  if (failure !== undefined && restarts >= GIVEN_UP_AFTER) return true;
  return report?.snapshot === null && report.refused !== null && report.refused.hash === wanted?.hash;
}

function whyNot({ failure, report, tooLarge }: Omit<GatewayObservation, 'key'>): string {
  return failure?.message ?? tooLarge ?? report?.refused?.message ?? 'it does not serve';
}

function failed(message: string): StartupVerdict {
  return { state: 'Failed', message };
}
