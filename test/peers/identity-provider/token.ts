// The token endpoint: codes, refresh tokens, passwords and device codes to access tokens (RFC 6749 4.1.3, 5, 6).
import { createHash } from 'node:crypto';
import type { Reply } from '../server/reply.ts';
import { withoutSlash, type Directory } from './directory.ts';
import type { Dialect } from './endpoint.ts';
import type { Grant, Grants } from './grants.ts';
import { missing, OAuthError } from './oauth-error.ts';
import { Parameters, resourceOf } from './parameters.ts';
import type { TokenIssuer } from './token-issuer.ts';

export interface TokenContext {
  readonly directory: Directory;
  readonly grants: Grants;
  readonly issuer: TokenIssuer;
  readonly dialect: Dialect;
  /** Origin of the identity provider. */
  readonly origin: string;
  readonly tokenSeconds: number;
}

/** Answers a POST with this form; `contentType` is the value of the header. */
export async function token(
  form: string,
  contentType: string | undefined,
  context: TokenContext,
): Promise<Reply> {
  try {
    if (contentType?.split(';', 1)[0]?.trim().toLowerCase() !== 'application/x-www-form-urlencoded') {
      throw new OAuthError(
        'invalid_request',
        900_561,
        `The endpoint only accepts forms, not ${contentType}.`,
      );
    }
    const parameters = new Parameters(form);
    const grant = redeem(parameters, context);
    return jsonReply(200, await tokens(grant, parameters, context));
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    return jsonReply(error.status, error);
  }
}

/** Answers a POST to the device code endpoint (RFC 8628 3.1). */
export function deviceCode(form: string, { directory, grants, dialect, origin }: TokenContext): Reply {
  try {
    const parameters = new Parameters(form);
    const resource = resourceOf(parameters, dialect, directory);
    if (resource === undefined) throw missing('resource');
    const { deviceCode, userCode, seconds } = grants.addDevice(parameters.require('client_id'), resource);
    return jsonReply(200, {
      user_code: userCode,
      device_code: deviceCode,
      [dialect === 'v2' ? 'verification_uri' : 'verification_url']: `${origin}/devicelogin`,
      expires_in: dialect === 'v2' ? seconds : String(seconds),
      interval: dialect === 'v2' ? 5 : '5',
      message: `To sign in, open ${origin}/devicelogin and enter the code ${userCode}.`,
    });
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    return jsonReply(error.status, error);
  }
}

export function jsonReply(status: number, content: object): Reply {
  return {
    status,
    headers: [
      ['Cache-Control', 'no-store, no-cache'],
      ['Pragma', 'no-cache'],
      ['Content-Type', 'application/json; charset=utf-8'],
    ],
    body: Buffer.from(JSON.stringify(content)),
  };
}

function redeem(parameters: Parameters, context: TokenContext): Grant {
  const type = parameters.require('grant_type');
  switch (type) {
    case 'authorization_code':
      return redeemCode(parameters, context);
    case 'refresh_token': {
      const grant = context.grants.refreshGrant(parameters.require('refresh_token'));
      if (grant) return grant;
      throw new OAuthError('invalid_grant', 700_082, 'The refresh token has expired or was revoked.');
    }
    case 'password':
      return redeemPassword(parameters, context);
    case 'device_code':
    case 'urn:ietf:params:oauth:grant-type:device_code':
      return redeemDevice(parameters, context);
    default:
      throw new OAuthError(
        'unsupported_grant_type',
        70_003,
        `The app requested an unsupported grant type '${type}'.`,
      );
  }
}

function redeemCode(parameters: Parameters, { grants }: TokenContext): Grant {
  const grant = grants.takeCode(parameters.require('code'));
  if (!grant)
    throw new OAuthError(
      'invalid_grant',
      54_005,
      'OAuth2 Authorization code was already redeemed or has expired.',
    );
  if (grant.clientId !== parameters.require('client_id')) {
    throw new OAuthError('invalid_grant', 70_002, 'The code was issued to another client.');
  }
  if (grant.redirectUri !== parameters.require('redirect_uri')) {
    throw new OAuthError(
      'invalid_grant',
      50_011,
      'The redirect URI is not the one of the authorization request.',
    );
  }
  const verifier = parameters.get('code_verifier');
  if (grant.codeChallenge !== undefined && verifier === undefined) throw missing('code_verifier');
  if (
    verifier !== undefined &&
    createHash('sha256').update(verifier).digest('base64url') !== grant.codeChallenge
  ) {
    throw new OAuthError('invalid_grant', 501_481, 'The code_verifier does not match the code_challenge.');
  }
  return grant;
}

function redeemPassword(parameters: Parameters, { directory }: TokenContext): Grant {
  const user = directory.user(parameters.require('username'));
  if (user.password === undefined || user.password !== parameters.require('password')) {
    throw new OAuthError(
      'invalid_grant',
      50_126,
      'Error validating credentials due to invalid username or password.',
    );
  }
  return { user: user.name, clientId: parameters.require('client_id'), resource: undefined };
}

function redeemDevice(parameters: Parameters, { grants, directory }: TokenContext): Grant {
  const deviceCode = parameters.get('device_code') ?? parameters.require('code');
  const grant = grants.deviceGrant(deviceCode);
  if (!grant)
    throw new OAuthError('expired_token', 70_020, 'The provided value for the device code has expired.');
  if (grant.user === undefined) {
    throw new OAuthError('authorization_pending', 70_016, 'The end user has not approved the request yet.');
  }
  grants.removeDevice(deviceCode);
  return { user: directory.user(grant.user).name, clientId: grant.clientId, resource: grant.resource };
}

async function tokens(
  grant: Grant,
  parameters: Parameters,
  context: TokenContext,
): Promise<Record<string, unknown>> {
  const { directory, grants, issuer, dialect, origin, tokenSeconds } = context;
  const resource = agreedResource(grant, parameters, context);
  const { user, clientId, nonce } = grant;
  const { tenantId } = directory;
  const claims = {
    user,
    clientId,
    audience: directory.audienceOf(resource, dialect),
    issuer: dialect === 'adfs' ? `${origin}/adfs/services/trust` : issuerOf('v1', origin, tenantId),
    tenantId,
    seconds: tokenSeconds,
  };
  const now = Math.floor(Date.now() / 1000);
  const times =
    dialect === 'v2'
      ? { expires_in: tokenSeconds, ext_expires_in: tokenSeconds }
      : {
          expires_in: String(tokenSeconds),
          ext_expires_in: String(tokenSeconds),
          expires_on: String(now + tokenSeconds),
          not_before: String(now - 300),
          resource,
        };
  return {
    token_type: 'Bearer',
    scope: dialect === 'v2' ? `${withoutSlash(resource)}/EAS.AccessAsUser.All` : 'EAS.AccessAsUser.All',
    ...times,
    access_token: await issuer.accessToken(claims),
    refresh_token: grants.addRefreshToken({ user, clientId, resource }),
    id_token: await issuer.idToken({ ...claims, issuer: issuerOf(dialect, origin, tenantId) }, nonce),
    ...(parameters.get('client_info') === '1' && { client_info: issuer.clientInfo(user, tenantId) }),
  };
}

/** The issuer of id tokens, as the dialect's configuration names it. */
export function issuerOf(dialect: Dialect, origin: string, tenantId: string): string {
  switch (dialect) {
    case 'v1':
      return `https://sts.windows.net/${tenantId}/`;
    case 'v2':
      return `https://login.microsoftonline.com/${tenantId}/v2.0`;
    case 'adfs':
      return `${origin}/adfs`;
  }
}

/** What the token is for: named here or when it was granted, and the same in both places. */
function agreedResource(grant: Grant, parameters: Parameters, { directory, dialect }: TokenContext): string {
  const asksAgain =
    dialect !== 'v2' || parameters.get('resource') !== undefined || parameters.get('scope') !== undefined;
  const asked = asksAgain ? resourceOf(parameters, dialect, directory) : undefined;
  const granted = grant.resource;
  if (asked !== undefined && granted !== undefined && withoutSlash(asked) !== withoutSlash(granted)) {
    throw new OAuthError('invalid_grant', 70_000, `The grant is for ${granted}, not for ${asked}.`);
  }
  const resource = asked ?? granted;
  if (resource === undefined) throw missing('resource');
  return resource;
}
