// A route's part in Autodiscover, as the gateway reads it: what is as by default is not written.
import type { SnapshotRoute } from '../../gateway/config/snapshot.ts';
import type { ExchangeRouteSpec } from '../api/exchange-route.ts';

export function autodiscoverOf({ autodiscover }: ExchangeRouteSpec): Pick<SnapshotRoute, 'autodiscover'> {
  const { policy, redirectDomain } = autodiscover;
  const written: NonNullable<SnapshotRoute['autodiscover']> = {
    ...(policy !== 'NamedDomains' && { policy }),
    ...(redirectDomain !== undefined && { redirectDomain }),
  };
  return Object.keys(written).length === 0 ? {} : { autodiscover: written };
}
