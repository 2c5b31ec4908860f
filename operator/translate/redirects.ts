// How a route takes Exchange's redirects, as the gateway reads it: what is as by default is not written.
import type { SnapshotRoute } from '../../gateway/config/snapshot.ts';
import type { ExchangeRouteSpec } from '../api/exchange-route.ts';
import type { ContentFiles } from './content-files.ts';

/** @param ca PEM of the authorities of the servers that users are moved to */
export function redirectsOf(
  { redirects }: ExchangeRouteSpec,
  ca: string | undefined,
  files: ContentFiles,
): SnapshotRoute['redirects'] {
  const { policy, allowedHosts = [], allowBasicCredentials } = redirects;
  if (allowedHosts.length === 0) return { policy };
  return {
    policy,
    allowedHosts,
    ...(allowBasicCredentials && { allowBasicCredentials }),
    ...(ca !== undefined && { caFile: files.add('ca', ca) }),
  };
}
