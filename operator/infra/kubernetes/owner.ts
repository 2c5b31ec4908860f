// The owner of everything that is made for a gateway: with it, all of it goes.
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import type { OwnerReference } from '../../kube/resource.ts';

/** @throws Error for a gateway that did not come from an API server, and so has no uid */
export function ownerOf({ apiVersion, kind, metadata }: SentryGateway): OwnerReference {
  if (metadata.uid === undefined) throw new Error(`SentryGateway ${metadata.name} has no uid.`);
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true };
}
