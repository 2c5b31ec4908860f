// Decides about the parameters of an authorization, device or token request, and replaces the audience (spec/oauth.md, rules 1 to 4).
import { type Audience, scopeInsteadOfResource } from './audience.ts';
import { Form, MAX_PARAMETERS } from './form.ts';
import { sameResource } from './resource.ts';
import { ScopeList } from './scope.ts';

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
const DECIDED_ON = ['grant_type', 'resource', 'scope'];
/** RFC 9101: parameters inside of a signed object, which nobody can replace. */
const REQUEST_OBJECTS = ['request', 'request_uri'];

/** In bytes; clients send some hundred. */
const MAX_SCOPE = 8192;

const refuse = (error: OAuthErrorCode, description: string): Rewritten => ({ ok: false, error, description });

/** The query of an authorization request with the gateway's resource replaced by the destination's. */
export function rewriteAudience(text: string, audience: Audience): Rewritten {
  const form = new Form(text);
  if (audience.otherResources === 'Refuse' && REQUEST_OBJECTS.some((name) => form.count(name) > 0)) {
    return refuse('invalid_request', 'a request object would hide which resource is asked for');
  }
  return replaceAudience(form, audience);
}

/** The form of a device authorization request (RFC 8628, 3.1), likewise. The query (null: none) must not name what is decided on. */
export function rewriteDeviceForm(text: string, query: string | null, audience: Audience): Rewritten {
  return refuseQuery(query) ?? replaceAudience(new Form(text), audience);
}

/**
 * The form of a token request: the grant is checked, then the audience replaced. What is decided on must stand in the form,
 * not in the query (null: none).
 */
export function rewriteTokenForm(text: string, query: string | null, audience: Audience): Rewritten {
  const form = new Form(text);
  const refused = refuseQuery(query);
  if (refused !== undefined) return refused;
  if (form.count('grant_type') !== 1) {
    return refuse('invalid_request', 'exactly one grant_type is required');
  }
  const grant = form.get('grant_type') ?? '';
  if (!GRANTS.has(grant) && !(grant === 'password' && audience.allowPasswordGrant)) {
    return refuse('unsupported_grant_type', 'this grant type is not allowed through the gateway');
  }
  return replaceAudience(form, audience);
}

function refuseQuery(query: string | null): Rewritten | undefined {
  if (query === null) return undefined;
  const form = new Form(query);
  if (form.isTooLong) return tooLong();
  return DECIDED_ON.some((name) => form.count(name) > 0)
    ? refuse('invalid_request', 'the parameters of this request belong into its body')
    : undefined;
}

function tooLong(): Rewritten {
  return refuse('invalid_request', `there are more than ${MAX_PARAMETERS} parameters`);
}

function replaceAudience(form: Form, audience: Audience): Rewritten {
  if (form.isTooLong) return tooLong();
  const [resources, scopes] = [form.count('resource'), form.count('scope')];
  if (resources > 1) return refuse('invalid_request', 'resource occurs more than once');
  if (scopes > 1) return refuse('invalid_request', 'scope occurs more than once');
  if (resources > 0 && scopes > 0) return refuse('invalid_request', 'resource and scope exclude each other');
  if (resources > 0) return replaceResource(form, audience);
  return scopes > 0 ? replaceScope(form, audience) : { ok: true, text: form.text };
}

function replaceResource(form: Form, audience: Audience): Rewritten {
  if (sameResource(form.get('resource') ?? '', audience.gatewayResource)) {
    const text =
      audience.protocol === 'V2'
        ? form.replaceParameter('resource', `scope=${scopeInsteadOfResource(audience)}`)
        : form.replaceValue('resource', audience.encodedResource);
    return { ok: true, text };
  }
  if (audience.otherResources === 'Pass') return { ok: true, text: form.text };
  return refuse('invalid_target', 'the resource is not the one of this gateway');
}

function replaceScope(form: Form, audience: Audience): Rewritten {
  const encoded = form.encodedValue('scope') ?? '';
  if (encoded.length > MAX_SCOPE) return refuse('invalid_request', `scope is longer than ${MAX_SCOPE} bytes`);
  const scopes = new ScopeList(encoded, audience);
  if (audience.otherResources === 'Refuse' && scopes.has('Other')) {
    return refuse('invalid_target', 'a scope is not for the resource of this gateway');
  }
  if (!scopes.has('Gateway')) return { ok: true, text: form.text };
  if (audience.protocol !== 'V1') {
    return { ok: true, text: form.replaceValue('scope', scopes.forDestination(audience)) };
  }
  const resource = `resource=${audience.encodedResource}`;
  const rest = scopes.withoutGateway();
  return {
    ok: true,
    text: form.replaceParameter('scope', rest === '' ? resource : `${resource}&scope=${rest}`),
  };
}

/** A configured endpoint continued by the client's query (null: none), by `&` where it has a query of its own. */
export function appendQuery(endpoint: string, query: string | null): string {
  if (query === null) return endpoint;
  return endpoint + (endpoint.includes('?') ? '&' : '?') + query;
}
