// Decides about the parameters of an authorization or a token request, and replaces the audience (spec/oauth.md, rules 1 to 3).
import type { SnapshotOAuth } from '../config/snapshot.ts';
import { Form } from './form.ts';
import { sameResource } from './resource.ts';

/** Error codes of RFC 6749, 5.2 and RFC 8707, 2 that the gateway gives itself. */
export type OAuthErrorCode =
  'invalid_request' | 'invalid_target' | 'unsupported_grant_type' | 'temporarily_unavailable';

/** The text to send on, or why it is refused. */
export type Rewritten =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly error: OAuthErrorCode; readonly description: string };

const GRANTS: ReadonlySet<string> = new Set([
  'authorization_code',
  'refresh_token',
  'device_code',
  'urn:ietf:params:oauth:grant-type:device_code',
]);

const refuse = (error: OAuthErrorCode, description: string): Rewritten => ({ ok: false, error, description });

/** The query of an authorization request, or a form, with the gateway's resource replaced by the destination's. */
export function rewriteAudience(text: string, oauth: SnapshotOAuth): Rewritten {
  return replaceResource(new Form(text), oauth);
}

/**
 * The form of a token request: the grant is checked, then the audience replaced. What is decided on must stand in the form,
 * not in the query (null: none).
 */
export function rewriteTokenForm(text: string, query: string | null, oauth: SnapshotOAuth): Rewritten {
  const form = new Form(text);
  const beside = new Form(query ?? '');
  if (['grant_type', 'resource', 'scope'].some((name) => beside.count(name) > 0)) {
    return refuse('invalid_request', 'the parameters of a token request belong into its body');
  }
  if (form.count('grant_type') !== 1) {
    return refuse('invalid_request', 'exactly one grant_type is required');
  }
  const grant = form.get('grant_type') ?? '';
  if (!GRANTS.has(grant) && !(grant === 'password' && oauth.allowPasswordGrant)) {
    return refuse('unsupported_grant_type', 'this grant type is not allowed through the gateway');
  }
  return replaceResource(form, oauth);
}

function replaceResource(form: Form, oauth: SnapshotOAuth): Rewritten {
  const resource = form.get('resource');
  if (resource === undefined) return { ok: true, text: form.text };
  if (form.count('resource') > 1) return refuse('invalid_request', 'resource occurs more than once');
  if (form.count('scope') > 0) return refuse('invalid_request', 'resource and scope exclude each other');
  if (sameResource(resource, oauth.gatewayResource)) {
    return { ok: true, text: form.replaceValue('resource', oauth.destinationResource) };
  }
  if (oauth.otherResources === 'Pass') return { ok: true, text: form.text };
  return refuse('invalid_target', 'the resource is not the one of this gateway');
}

/** A configured endpoint continued by the client's query (null: none), by `&` where it has a query of its own. */
export function appendQuery(endpoint: string, query: string | null): string {
  if (query === null) return endpoint;
  return endpoint + (endpoint.includes('?') ? '&' : '?') + query;
}
