// Who asks: Basic and Bearer as Exchange takes them, and the challenges with which it answers 401.
import type { Mailbox } from './mailbox.ts';
import type { Organisation } from './organisation.ts';
import { claimedUserOf, TokenError } from './token-verifier.ts';

export type Authentication =
  | { readonly kind: 'user'; readonly mailbox: Mailbox; readonly scheme: 'Basic' | 'Bearer' }
  /** Refused; `diagnostics` is the value of x-ms-diagnostics. */
  | { readonly kind: 'challenge'; readonly diagnostics: string };

/** Checks an Authorization header. */
export async function authenticate(
  header: string | undefined,
  organisation: Organisation,
): Promise<Authentication> {
  const { scheme, credential } = split(header);
  if (scheme === 'basic' && organisation.basic) return checkBasic(credential, organisation);
  if (scheme === 'bearer' && organisation.tokens) return checkBearer(credential, organisation);
  return refuse(
    '2000001;reason="The request carries no usable credential.";error_category="invalid_request"',
  );
}

/** The WWW-Authenticate lines of a 401, in Exchange's order; each is a header line of its own. */
export function challenges(organisation: Organisation): string[] {
  const lines: string[] = [];
  if (organisation.tokens) {
    lines.push(
      'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", ' +
        'trusted_issuers="00000001-0000-0000-c000-000000000000@f3a1b2c4-0000-4000-8000-000000000001", ' +
        'token_types="app_asserted_user_v1 service_asserted_app_v1", ' +
        `authorization_uri="${organisation.tokens.authorizationUri}"`,
    );
  }
  lines.push(...(organisation.kind?.otherChallenges.value ?? []));
  if (organisation.basic) lines.push('Basic realm=""');
  return lines;
}

/** Whom the header claims to be, unverified: only for choosing faults by user. */
export function claimedUser(header: string | undefined): string | undefined {
  const { scheme, credential } = split(header);
  if (scheme === 'basic') return Buffer.from(credential, 'base64').toString('utf8').split(':', 1)[0];
  return scheme === 'bearer' ? claimedUserOf(credential) : undefined;
}

function checkBasic(credential: string, organisation: Organisation): Authentication {
  const text = Buffer.from(credential, 'base64').toString('utf8');
  const [name, password] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)];
  const mailbox = organisation.mailboxOf(name);
  if (mailbox && organisation.checkPassword(name, password))
    return { kind: 'user', mailbox, scheme: 'Basic' };
  return refuse('2000000;reason="The user name or password is incorrect.";error_category="invalid_user"');
}

async function checkBearer(token: string, organisation: Organisation): Promise<Authentication> {
  try {
    const mailbox = organisation.mailboxOf((await organisation.tokens?.verify(token)) ?? '');
    if (mailbox) return { kind: 'user', mailbox, scheme: 'Bearer' };
    return refuse('2000008;reason="The user of the token has no mailbox.";error_category="invalid_user"');
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return refuse(`2000003;reason="${error.message.replaceAll('"', "'")}";error_category="invalid_token"`);
  }
}

function refuse(diagnostics: string): Authentication {
  return { kind: 'challenge', diagnostics };
}

function split(header: string | undefined): { scheme: string; credential: string } {
  const at = header?.indexOf(' ') ?? -1;
  if (!header || at < 0) return { scheme: header?.toLowerCase() ?? '', credential: '' };
  return { scheme: header.slice(0, at).toLowerCase(), credential: header.slice(at + 1).trim() };
}
