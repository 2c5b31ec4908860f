// The parameters of an OAuth request, from a query or a form: each at most once (RFC 6749 3.1, 3.2).
import type { Dialect } from './endpoint.ts';
import type { Directory } from './directory.ts';
import { missing, OAuthError } from './oauth-error.ts';

export class Parameters {
  readonly #values: URLSearchParams;

  /** @throws {OAuthError} when one occurs twice */
  constructor(text: string) {
    this.#values = new URLSearchParams(text);
    for (const name of this.#values.keys()) {
      if (this.#values.getAll(name).length > 1) {
        throw new OAuthError('invalid_request', 9_000_411, `The parameter '${name}' is duplicated.`);
      }
    }
  }

  get(name: string): string | undefined {
    return this.#values.get(name) ?? undefined;
  }

  /** @throws {OAuthError} */
  require(name: string): string {
    const value = this.get(name);
    if (!value) throw missing(name);
    return value;
  }
}

/**
 * The resource that a request names in its dialect; undefined when a v1 request leaves it out.
 *
 * @throws {OAuthError} for v2 with `resource`, a scope without one, or a resource that nobody registered
 */
export function resourceOf(
  parameters: Parameters,
  dialect: Dialect,
  directory: Directory,
): string | undefined {
  const resource = parameters.get('resource');
  if (dialect === 'v2') {
    if (resource !== undefined) {
      throw new OAuthError('invalid_request', 901_002, "The 'resource' request parameter is not supported.");
    }
    const named = directory.resourceOfScope(parameters.require('scope'));
    directory.audienceOf(named, dialect);
    return named;
  }
  const named = resource ?? (dialect === 'adfs' ? scopedResource(parameters, directory) : undefined);
  if (named !== undefined) directory.audienceOf(named, dialect);
  return named;
}

/** AD FS writes a slash behind the identifier with its own: `https://mail.contoso.com//EAS.AccessAsUser.All`. */
function scopedResource(parameters: Parameters, directory: Directory): string | undefined {
  const scope = parameters.get('scope');
  if (scope === undefined || !scope.includes('://')) return undefined;
  if (!/:\/\/[^/ ]+\/\/[^/ ]+/.test(scope)) {
    throw new OAuthError('invalid_scope', 70_011, `The scope '${scope}' names no relying party.`);
  }
  return directory.resourceOfScope(scope);
}
