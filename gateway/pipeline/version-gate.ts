// Routes with a `minProtocolVersion`: phones are offered no older version, and what comes in one is refused.
import { versionNumber } from '../eas/versions.ts';
import type { ResponseHead } from '../http/exchange.ts';
import type { HeaderList } from '../http/headers.ts';
import { type OwnAnswer, refused } from './own-answers.ts';
import type { AskedFor } from './parse.ts';
import type { ServedRoute } from './served-snapshot.ts';

/** Lists of versions in answers: to OPTIONS, and where a phone has to begin anew (MS-ASHTTP 2.2.4.1.2.2 and 2.2.2.1.2). */
const LISTS = ['ms-asprotocolversions', 'x-ms-rp'] as const;

/**
 * The answer to a command in a version that the route does not take, or in none; undefined where it may pass. OPTIONS and GET
 * are in no version.
 */
export function versionRefusal(
  { minVersion }: ServedRoute,
  asked: AskedFor | undefined,
  headers: HeaderList,
): OwnAnswer | undefined {
  if (minVersion === 0 || asked === undefined || asked.command === '') return undefined;
  const version = asked.version || (headers.get('ms-asprotocolversion') ?? '');
  if (versionNumber(version) >= minVersion) return undefined;
  return refused('VersionNotSupported', asked.command, version);
}

/**
 * A response transform: takes the older versions out of what Exchange offers. An empty list is left where it has no other. The
 * commands stay: they are those of any version.
 */
export function offerVersions({ headers }: ResponseHead, { route }: { readonly route: ServedRoute }): void {
  const { minVersion } = route;
  if (minVersion === 0) return;
  for (const name of LISTS) {
    const offered = headers.get(name);
    if (offered === undefined) continue;
    const taken = offered.split(',').filter((version) => versionNumber(version.trim()) >= minVersion);
    headers.set(name === 'x-ms-rp' ? 'X-MS-RP' : 'MS-ASProtocolVersions', taken.join(',').trim());
  }
}
