// The match of a route: one spelling of its values, and which fields it uses.
import { parseUserName } from '../../gateway/access/user-name.ts';
import type { SnapshotRoute } from '../../gateway/config/snapshot.ts';
import type { ExchangeRouteSpec } from '../api/exchange-route.ts';

/** AND over fields, OR within; an empty field matches everything. */
export type Match = SnapshotRoute['match'];

/** The fields in the order in which they weigh: users > deviceTypes > domains > none. */
export const matchFields = ['users', 'deviceTypes', 'domains'] as const satisfies readonly (keyof Match)[];

/**
 * One spelling for each value, without duplicates: users as the gateway compares them (`DOMAIN\user` is `user@domain`),
 * device types and domains in lower case.
 */
export function normalizeMatch({ users, deviceTypes, domains }: ExchangeRouteSpec['match']): Match {
  return {
    users: unique(users, (user) => parseUserName(user)?.canonical ?? lowerCase(user)),
    deviceTypes: unique(deviceTypes, lowerCase),
    domains: unique(domains, lowerCase),
  };
}

/** The fields that a match uses, most important first; none: the default route. */
export function usedFields(match: Match): (keyof Match)[] {
  return matchFields.filter((field) => match[field].length > 0);
}

function unique(values: readonly string[] | undefined, normalize: (value: string) => string): string[] {
  return [...new Set((values ?? []).map(normalize))];
}

function lowerCase(value: string): string {
  return value.normalize('NFC').toLowerCase();
}
