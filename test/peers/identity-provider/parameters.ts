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
  if (resource !== undefined) directory.audienceOf(resource, dialect);
  return resource;
}
