// How a route shields Exchange, as the gateway reads it: what is as by default is not written.
import { isDeepStrictEqual } from 'node:util';
import type { SnapshotRoute } from '../../gateway/config/snapshot.ts';
import { DEFAULT_FAILED_LOGINS } from '../../gateway/config/throttling.ts';
import type { ExchangeRouteSpec } from '../api/exchange-route.ts';

export function throttlingOf({ throttling }: ExchangeRouteSpec): Pick<SnapshotRoute, 'throttling'> {
  const { retryAfter, failedLogins, identicalCommands, deviceRequests, userRequests } = throttling;
  const written: NonNullable<SnapshotRoute['throttling']> = {
    ...(retryAfter === 'Pass' && { retryAfter }),
    ...(!isDeepStrictEqual(failedLogins, { ...DEFAULT_FAILED_LOGINS }) && { failedLogins }),
    ...(identicalCommands && { identicalCommands }),
    ...(deviceRequests && { deviceRequests }),
    ...(userRequests && { userRequests }),
  };
  return Object.keys(written).length === 0 ? {} : { throttling: written };
}
