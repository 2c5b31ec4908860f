// The authorization endpoint: signs in whoever the login hint names, without asking, and sends the code back.
import { randomUUID } from 'node:crypto';
import { statusReply, type Reply } from '../server/reply.ts';
import type { Directory } from './directory.ts';
import type { Dialect } from './endpoint.ts';
import type { Grants } from './grants.ts';
import { OAuthError } from './oauth-error.ts';
import { Parameters, resourceOf } from './parameters.ts';

export interface AuthorizeContext {
  readonly directory: Directory;
  readonly grants: Grants;
  readonly dialect: Dialect;
}

/** Answers `GET …/authorize?query` (RFC 6749 4.1.1): 302 to the redirect URI, or 400 when there is nowhere to go. */
export function authorize(query: string, context: AuthorizeContext): Reply {
  let parameters: Parameters;
  let redirectUri: string;
  try {
    parameters = new Parameters(query);
    parameters.require('client_id');
    redirectUri = parameters.require('redirect_uri');
  } catch (error) {
    if (error instanceof OAuthError) return page(400, error.message);
    throw error;
  }
  const state = parameters.get('state');
  try {
    if (parameters.get('login_hint') === undefined) return signInPage(query);
    const code = grantCode(parameters, redirectUri, context);
    return redirect(redirectUri, {
      code,
      ...(state !== undefined && { state }),
      session_state: randomUUID(),
    });
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    const { error: name, message } = error;
    return redirect(redirectUri, {
      error: name,
      error_description: message,
      ...(state !== undefined && { state }),
    });
  }
}

function grantCode(parameters: Parameters, redirectUri: string, context: AuthorizeContext): string {
  const { directory, grants, dialect } = context;
  if (!parameters.require('response_type').split(' ').includes('code')) {
    throw new OAuthError(
      'unsupported_response_type',
      700_054,
      "response_type is not enabled: only 'code' is.",
    );
  }
  judgeClaims(parameters.get('claims'));
  const { name } = directory.user(parameters.require('login_hint'));
  return grants.addCode({
    user: name,
    clientId: parameters.require('client_id'),
    resource: resourceOf(parameters, dialect, directory),
    redirectUri,
    codeChallenge: challengeOf(parameters),
    nonce: parameters.get('nonce'),
  });
}

function challengeOf(parameters: Parameters): string | undefined {
  const challenge = parameters.get('code_challenge');
  if (challenge === undefined) return undefined;
  const method = parameters.get('code_challenge_method') ?? 'plain';
  if (method === 'S256' && /^[A-Za-z0-9_-]{43}$/.test(challenge)) return challenge;
  throw new OAuthError(
    'invalid_request',
    501_491,
    `code_challenge of method ${method} is not supported: use S256.`,
  );
}

function judgeClaims(claims: string | undefined): void {
  if (claims === undefined) return;
  try {
    JSON.parse(claims);
  } catch {
    throw new OAuthError('invalid_request', 501_461, 'The claims parameter is not JSON.');
  }
}

function redirect(uri: string, parameters: Readonly<Record<string, string>>): Reply {
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const location = `${uri}${uri.includes('?') ? '&' : '?'}${query.join('&')}`;
  return statusReply(302, [
    ['Location', location],
    ['Cache-Control', 'no-store, no-cache'],
  ]);
}

/** Asks for a user name: the same request with a login hint signs in. */
function signInPage(query: string): Reply {
  const fields = [...new URLSearchParams(query)].map(
    ([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`,
  );
  return page(
    200,
    `<form><label>User <input name="login_hint" autofocus></label>${fields.join('')}<button>Sign in</button></form>`,
    false,
  );
}

function page(status: number, text: string, plain = true): Reply {
  const body = plain ? `<p>${escape(text)}</p>` : text;
  return statusReply(status, [['Cache-Control', 'no-store']], `<!doctype html><title>Sign in</title>${body}`);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
