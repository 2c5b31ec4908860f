// What a phone is answered whose token the route's policy denies.
import type { TokenDenial } from '../access/token-policy.ts';
import type { RequestHead } from '../http/exchange.ts';
import { HeaderList } from '../http/headers.ts';
import type { OwnAnswer } from './own-answers.ts';
import type { AskedFor } from './parse.ts';

const TEXT = ['Content-Type', 'text/plain; charset=utf-8'] as const;
const EXPIRED = newTokenWanted('token-expired', 'The access token has expired');
const MALFORMED = newTokenWanted('token-malformed', 'The access token is not readable');

/**
 * A token that has expired, or is none, is answered with 401: the phone gets itself a new one, without asking its user as long
 * as it has a refresh token. Every other denial would come again with the next token, so the phone is told to stop instead.
 */
export function tokenDenied(
  denial: TokenDenial,
  _request: RequestHead,
  _asked: AskedFor | OwnAnswer,
): OwnAnswer {
  switch (denial) {
    case 'Expired':
      return EXPIRED;
    case 'Malformed':
      return MALFORMED;
    case 'Unreadable':
      return denied('token-unreadable');
    case 'Tenant':
      return denied('token-tenant');
    case 'ClientId':
      return denied('token-client-id');
    case 'Scope':
      return denied('token-scope');
  }
}

function denied(reason: string): OwnAnswer {
  const body = Buffer.from('This token is not allowed here.\n');
  return { status: 403, reason, headers: HeaderList.of(TEXT), body };
}

/** RFC 6750, 3.1. */
function newTokenWanted(reason: string, description: string): OwnAnswer {
  const challenge = `Bearer error="invalid_token", error_description="${description}"`;
  const headers = HeaderList.of(TEXT, ['WWW-Authenticate', challenge]);
  return { status: 401, reason, headers, body: Buffer.from(`${description}.\n`) };
}
