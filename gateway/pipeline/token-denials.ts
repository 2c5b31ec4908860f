// What a phone is answered whose token the route's policy denies.
import type { TokenDenial } from '../access/token-policy.ts';
import { versionOfHeader } from '../eas/versions.ts';
import type { RequestHead } from '../http/exchange.ts';
import { HeaderList } from '../http/headers.ts';
import { type OwnAnswer, refused } from './own-answers.ts';
import type { AskedFor } from './parse.ts';

const TEXT = ['Content-Type', 'text/plain; charset=utf-8'] as const;
const REASONS: Readonly<Record<Exclude<TokenDenial, 'Expired' | 'Malformed'>, string>> = {
  Unreadable: 'token-unreadable',
  Tenant: 'token-tenant',
  ClientId: 'token-client-id',
  Scope: 'token-scope',
};
const EXPIRED = newTokenWanted('token-expired', 'The access token has expired');
const MALFORMED = newTokenWanted('token-malformed', 'The access token is not readable');

/**
 * A token that has expired, or is none, is answered with 401: the phone gets itself a new one, without asking its user as long
 * as it has a refresh token. Every other denial would come again with the next token, so the phone is told to stop instead.
 */
export function tokenDenied(
  denial: TokenDenial,
  { headers }: RequestHead,
  { command, version }: AskedFor,
): OwnAnswer {
  if (denial === 'Expired') return EXPIRED;
  if (denial === 'Malformed') return MALFORMED;
  const said = version || versionOfHeader(headers.get('ms-asprotocolversion'));
  return { ...refused('AccessDenied', command, said), reason: REASONS[denial] };
}

/** RFC 6750, 3.1. */
function newTokenWanted(reason: string, description: string): OwnAnswer {
  const challenge = `Bearer error="invalid_token", error_description="${description}"`;
  const headers = HeaderList.of(TEXT, ['WWW-Authenticate', challenge]);
  return { status: 401, reason, headers, body: Buffer.from(`${description}.\n`) };
}
