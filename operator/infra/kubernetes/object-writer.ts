// Writes the objects of gateways over what the watches know of them, and tells the watches' copy at once.
import { createHash } from 'node:crypto';
import { ApiError } from '../../kube/api-error.ts';
import { type ApplyResult, applyOver, deleteOwned, isOwnedBy, type OwnedObject } from '../../kube/apply.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, type OwnerReference, typeOf } from '../../kube/resource.ts';
import type { OwnedObjects } from './owned-objects.ts';

/** The API server takes an object not at all, whatever is tried: a quota, an admission policy, a value that it refuses. */
export class RefusedObjectError extends Error {
  override readonly name = 'RefusedObjectError';

  constructor({ kind, metadata }: KubeObject, cause: ApiError) {
    super(`${kind} ${metadata.name} cannot be written: ${cause.message}`, { cause });
  }
}

export class ObjectWriter {
  readonly #client: KubeClient;
  readonly #owned: OwnedObjects;
  /** The hash of what was applied last, by what came of it: an admission webhook may change every write, and is not fought. */
  readonly #written = new WeakMap<KubeObject, string>();

  constructor(client: KubeClient, owned: OwnedObjects) {
    this.#client = client;
    this.#owned = owned;
  }

  /**
   * Makes the object what is wanted; no request where it is that already.
   * @throws ForeignObjectError, RefusedObjectError; ApiError where it is worth trying again
   */
  async apply(
    owner: OwnerReference,
    wanted: KubeObject,
    options: Pick<OwnedObject, 'isCurrent' | 'locked'> = {},
  ): Promise<ApplyResult> {
    const live = this.#owned.get(wanted);
    const written = live && this.#written.get(live);
    if (written !== undefined && written === hashOf(wanted)) return 'unchanged';
    try {
      const { result, object } = await applyOver(this.#client, { owner, wanted, live, ...options });
      if (object !== live) this.#owned.record(object, typeOf(wanted));
      const held = this.#owned.get(wanted);
      if (result === 'applied' && held !== undefined) this.#written.set(held, hashOf(wanted));
      return result;
    } catch (error) {
      throw isRefusal(error) ? new RefusedObjectError(wanted, error) : error;
    }
  }

  /** Deletes the object where it names the owner. @throws ApiError */
  async delete(owner: OwnerReference, object: KubeObject): Promise<void> {
    if (!isOwnedBy(object, owner)) return;
    await deleteOwned(this.#client, owner, object);
    this.#owned.forget(object);
  }
}

function hashOf(object: KubeObject): string {
  return createHash('sha256').update(JSON.stringify(object)).digest('base64');
}

function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && [400, 403, 422].includes(error.status);
}
