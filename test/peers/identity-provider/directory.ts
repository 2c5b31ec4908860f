// The tenant of the simulated identity provider: who can sign in, and for what.
import type { Dialect } from './endpoint.ts';
import { OAuthError } from './oauth-error.ts';

export interface DirectoryUser {
  readonly name: string;
  /** For the password grant; without one that grant fails. */
  readonly password?: string;
}

export class Directory {
  readonly tenantId: string;
  readonly #users = new Map<string, DirectoryUser>();
  readonly #resources: readonly string[];

  constructor(tenantId: string, users: readonly (string | DirectoryUser)[], resources: readonly string[]) {
    this.tenantId = tenantId;
    this.#resources = resources.map(withoutSlash);
    for (const user of users) this.addUser(typeof user === 'string' ? { name: user } : user);
  }

  addUser(user: DirectoryUser): void {
    this.#users.set(user.name.toLowerCase(), user);
  }

  /** @throws {OAuthError} when there is no such user */
  user(name: string): DirectoryUser {
    const user = this.#users.get(name.toLowerCase());
    if (user) return user;
    throw new OAuthError(
      'invalid_grant',
      50_034,
      `The user account ${name} does not exist in this directory.`,
    );
  }

  /**
   * The audience to write into a token for this resource.
   *
   * @throws {OAuthError} `invalid_resource` when nobody registered it
   */
  audienceOf(resource: string, dialect: Dialect): string {
    const bare = withoutSlash(resource);
    if (!this.#resources.includes(bare)) {
      throw new OAuthError(
        'invalid_resource',
        500_011,
        `The resource principal named ${resource} was not found in the tenant named ${this.tenantId}.`,
      );
    }
    return dialect === 'adfs' ? `${bare}/` : bare;
  }

  /**
   * The resource that a v2 scope names, e.g. `https://outlook.office365.com/EAS.AccessAsUser.All offline_access`.
   *
   * @throws {OAuthError} when it names none, or several
   */
  resourceOfScope(scope: string): string {
    const resources = scope
      .split(' ')
      .filter((each) => each.includes('://'))
      .map((each) => each.slice(0, each.lastIndexOf('/')).replace(/\/$/, ''));
    const [resource] = resources;
    if (resource !== undefined && resources.every((each) => each === resource)) return resource;
    throw new OAuthError(
      'invalid_scope',
      70_011,
      `The provided value for the input parameter 'scope' is not valid: ${scope}.`,
    );
  }
}

/** Resources are the same whether a slash ends them or not. */
export function withoutSlash(resource: string): string {
  return resource.replace(/\/$/, '');
}
