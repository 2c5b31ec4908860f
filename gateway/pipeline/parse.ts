// Step "parse": what a request line asks for.
import type { Command } from '../eas/commands.ts';
import { ACTIVESYNC_PATH, isActiveSyncPath } from '../eas/path.ts';
import { parseQuery } from '../eas/query.ts';
import { MALFORMED_QUERY, METHOD_REFUSED, type OwnAnswer, UNKNOWN_PATH } from './own-answers.ts';

/** A request that may go to Exchange, as far as its first line tells. */
export interface AskedFor {
  /** Empty for OPTIONS and GET, which name none. */
  readonly command: Command | '';
  /** Protocol version of a base64 query, or empty. */
  readonly version: string;
  readonly user: string;
  readonly deviceId: string;
  readonly deviceType: string;
  /** What Exchange is sent: our path, the client's query byte for byte. */
  readonly target: string;
}

const NOTHING = { command: '', version: '', user: '', deviceId: '', deviceType: '' } as const;

/** The path of a target, without its query. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

/** Reads method and target, or says how they are to be refused. */
export function parseRequestLine(method: string, target: string): AskedFor | OwnAnswer {
  if (method !== 'POST' && method !== 'OPTIONS' && method !== 'GET') return METHOD_REFUSED;
  const path = pathOf(target);
  if (!isActiveSyncPath(path)) return UNKNOWN_PATH;
  const query = parseQuery(target.slice(path.length + 1));
  const forwarded = ACTIVESYNC_PATH + target.slice(path.length);
  if (typeof query === 'string') {
    return method === 'POST' ? MALFORMED_QUERY : { ...NOTHING, target: forwarded };
  }
  const { version, user, deviceId, deviceType } = query;
  return {
    command: method === 'POST' ? query.command : '',
    version,
    user,
    deviceId,
    deviceType,
    target: forwarded,
  };
}
