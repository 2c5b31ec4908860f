// Server-side apply of objects that belong to one owner: foreign ones are left alone, nothing is written in vain.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { ApiError, isNotFound } from './api-error.ts';
import { FIELD_MANAGER, type KubeClient } from './client.ts';
import {
  type KubeObject,
  type ManagedFields,
  type OwnerReference,
  type ResourceType,
  typeOf,
} from './resource.ts';

/** Remembers what was applied, so that a field that is no longer wanted is noticed. */
export const APPLIED_HASH = 'sentrygateway.io/applied-hash';

/** An object of the wanted name exists and belongs to someone else. */
export class ForeignObjectError extends Error {
  override readonly name = 'ForeignObjectError';

  constructor({ kind, metadata }: KubeObject) {
    super(
      `${kind} ${metadata.name} exists and does not belong to this SentryGateway: rename or delete it, or rename the SentryGateway.`,
    );
  }
}

/** `created` and `applied` wrote to the API server, `unchanged` did not. */
export type ApplyResult = 'created' | 'applied' | 'unchanged';

/** What stands there now, and whether it had to be written. */
export interface Applied {
  readonly result: ApplyResult;
  /** As the API server answered, or `live` where nothing was written. */
  readonly object: KubeObject;
}

/** An object that is to be, and what is known of the one that is. */
export interface OwnedObject {
  readonly owner: OwnerReference;
  /** Must carry the owner in its `ownerReferences`. */
  readonly wanted: KubeObject;
  /** As a watch showed it; undefined where it showed none: then the API server is asked before anything is made. */
  readonly live: KubeObject | undefined;
  /** True when `live` is what is wanted; the first argument carries the hash. Default: every wanted field stands in it. */
  readonly isCurrent?: (wanted: KubeObject, live: KubeObject) => boolean;
  /** True: refuse (409, reason Conflict) when the object is no longer the one that was seen. */
  readonly locked?: boolean;
}

/**
 * Makes the live object what is wanted, after a GET.
 * @throws ForeignObjectError when an object of this name does not name that owner; ApiError
 */
export async function applyOwned(
  client: KubeClient,
  owner: OwnerReference,
  wanted: KubeObject,
): Promise<ApplyResult> {
  return (await applyOver(client, { owner, wanted, live: undefined })).result;
}

/**
 * Makes the live object what is wanted; without a request where the known one is that already.
 * @throws ForeignObjectError when an object of this name does not name that owner; ApiError
 */
export async function applyOver(
  client: KubeClient,
  { owner, wanted, live: known, isCurrent = isInPlace, locked = false }: OwnedObject,
): Promise<Applied> {
  const type = typeOf(wanted);
  const object = withHash(wanted);
  const live = known ?? (await getOrUndefined(client, type, object));
  if (live === undefined) {
    const created = await takeOwnership(client, type, await create(client, type, object));
    return { result: 'created', object: created };
  }
  if (!isOwnedBy(live, owner)) throw new ForeignObjectError(object);
  if (wasCreatedOnly(live)) {
    const { namespace, name } = object.metadata;
    await takeOwnership(client, type, await client.get(type, { namespace, name }));
  } else if ((known === undefined ? isInPlace : isCurrent)(object, live)) {
    return { result: 'unchanged', object: live };
  }
  return { result: 'applied', object: await applyWhole(client, type, asSeen(object, live, locked), live) };
}

/**
 * Applies, and where that is not enough replaces lists: an apply leaves alone what others have put into one, and an item of
 * theirs may stand in the way of ours.
 */
async function applyWhole(
  client: KubeClient,
  type: ResourceType,
  object: KubeObject,
  live: KubeObject,
): Promise<KubeObject> {
  const lists = otherLists(contentOf(object), contentOf(live));
  try {
    const applied = await client.apply<KubeObject>(type, object);
    if (lists === undefined || otherLists(contentOf(object), contentOf(applied)) === undefined)
      return applied;
  } catch (error) {
    const isRefused = error instanceof ApiError && error.status === 422;
    if (lists === undefined || !isRefused) throw error;
  }
  const { namespace, name, uid } = object.metadata;
  const patched = await client.mergePatch<KubeObject>(
    type,
    { namespace, name },
    { ...lists, metadata: { uid } },
  );
  await takeOwnership(client, type, patched);
  const { resourceVersion: _seen, ...metadata } = object.metadata;
  return client.apply(type, { ...object, metadata });
}

/** Deletes the object when it is there and names the owner. @throws ApiError */
export async function deleteOwned(
  client: KubeClient,
  owner: OwnerReference,
  object: KubeObject,
): Promise<void> {
  if (!isOwnedBy(object, owner)) return;
  try {
    await client.delete(typeOf(object), { ...object.metadata });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** True when the object names this very owner, by uid. */
export function isOwnedBy({ metadata }: KubeObject, { uid }: OwnerReference): boolean {
  return metadata.ownerReferences?.some((reference) => reference.uid === uid) ?? false;
}

async function getOrUndefined(
  client: KubeClient,
  type: ResourceType,
  { metadata: { namespace, name } }: KubeObject,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(type, { namespace, name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** An apply would silently take over an object that someone else makes at this moment, so the first write is a POST. */
async function create(client: KubeClient, type: ResourceType, object: KubeObject): Promise<KubeObject> {
  try {
    return await client.create<KubeObject>(type, object);
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'AlreadyExists') throw new ForeignObjectError(object);
    throw error;
  }
}

/** True when our fields are still owned by the POST: an apply that leaves one out would not remove it. */
function wasCreatedOnly({ metadata }: KubeObject): boolean {
  return (metadata.managedFields ?? []).some(isOurPost);
}

function isOurPost({ manager, operation, subresource }: ManagedFields): boolean {
  return manager === FIELD_MANAGER && operation === 'Update' && subresource === undefined;
}

/** Hands what the POST owns to our applies. @throws ApiError, with reason Conflict when the object has changed */
async function takeOwnership(
  client: KubeClient,
  type: ResourceType,
  object: KubeObject,
): Promise<KubeObject> {
  const { namespace, name, resourceVersion, managedFields = [] } = object.metadata;
  const hasApplied = managedFields.some(
    ({ manager, operation }) => manager === FIELD_MANAGER && operation === 'Apply',
  );
  const entries = hasApplied
    ? managedFields.filter((entry) => !isOurPost(entry))
    : managedFields.map((entry) => (isOurPost(entry) ? { ...entry, operation: 'Apply' } : entry));
  return client.mergePatch(
    type,
    { namespace, name },
    { metadata: { resourceVersion, managedFields: entries } },
  );
}

function withHash(object: KubeObject): KubeObject {
  const hash = createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16);
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [APPLIED_HASH]: hash } },
  };
}

/** With the uid, and where it is locked the version, that the write is meant for. */
function asSeen(object: KubeObject, { metadata }: KubeObject, locked: boolean): KubeObject {
  const { uid, resourceVersion } = metadata;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      ...(uid !== undefined && { uid }),
      ...(locked && !wasCreatedOnly({ metadata }) && resourceVersion !== undefined && { resourceVersion }),
    },
  };
}

function contentOf({ metadata: _metadata, ...content }: KubeObject): Record<string, unknown> {
  return content;
}

/** Of two objects what `wanted` has of lists that stand otherwise in `live`, as a merge patch; undefined where there is none. */
function otherLists(wanted: object, live: object): object | undefined {
  const others = Object.entries(wanted).flatMap(([key, value]) => {
    const there = (live as Record<string, unknown>)[key];
    if (Array.isArray(value)) {
      return Array.isArray(there) && !isContained(value, there) ? [[key, value] as const] : [];
    }
    if (typeof value !== 'object' || value === null || typeof there !== 'object' || there === null) return [];
    const inside = otherLists(value, there);
    return inside === undefined ? [] : [[key, inside] as const];
  });
  return others.length === 0 ? undefined : Object.fromEntries(others);
}

/** True when the live object is what is wanted; others may own it too. */
function isInPlace(wanted: KubeObject, live: KubeObject): boolean {
  const { ownerReferences = [], ...metadata } = wanted.metadata;
  return (
    ownerReferences.every((reference) => isOwnedBy(live, reference)) &&
    isContained(metadata, live.metadata) &&
    isContained(contentOf(wanted), contentOf(live))
  );
}

/** True when every field of `wanted` stands in `live` with the same value; lists must be of one length. */
function isContained(wanted: unknown, live: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(live) &&
      live.length === wanted.length &&
      wanted.every((item, index) => isContained(item, live[index]))
    );
  }
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof live !== 'object' || live === null) return Object.keys(wanted).length === 0;
    return Object.entries(wanted).every(
      ([key, value]) => value === undefined || isContained(value, (live as Record<string, unknown>)[key]),
    );
  }
  return isDeepStrictEqual(wanted, live);
}
