// What a route's OAuth settings say about audiences, worked out once for each snapshot.
import type { SnapshotOAuth } from '../config/snapshot.ts';
import { withoutFinalSlash } from './resource.ts';

/** What an identity provider's endpoints speak: `V1` resource, `V2` scope alone, `ADFS` either, with scopes of its own spelling. */
export type Protocol = 'V1' | 'V2' | 'ADFS';

export interface Audience extends SnapshotOAuth {
  readonly protocol: Protocol;
  /** The destination as the encoded value of `resource`. */
  readonly encodedResource: string;
  /** The destination as it stands before the slash and the permission of a scope, encoded. */
  readonly encodedScopeAudience: string;
}

/** What a client that named a resource needs at an endpoint that takes scopes alone (spec/oauth.md, rule 4). */
const PERMISSION = 'EAS.AccessAsUser.All';
const FURTHER_SCOPES = ['offline_access', 'openid'];

/** Compiles the settings of a route. */
export function compileAudience(oauth: SnapshotOAuth): Audience {
  const { destinationResource } = oauth;
  const protocol = oauth.protocol ?? protocolOf(oauth.tokenEndpoint);
  // AD FS puts a slash behind the identifier as it was registered, so that two stand there; Entra ID writes one.
  const beforePermission = protocol === 'ADFS' ? destinationResource : withoutFinalSlash(destinationResource);
  return {
    ...oauth,
    protocol,
    encodedResource: encodeURIComponent(destinationResource),
    encodedScopeAudience: encodeURIComponent(beforePermission),
  };
}

/** The encoded value of `scope` that says what `resource` says to a v1 endpoint. */
export function scopeInsteadOfResource({ encodedScopeAudience }: Audience): string {
  return [`${encodedScopeAudience}%2F${PERMISSION}`, ...FURTHER_SCOPES].join('%20');
}

/** What endpoints speak that are written as Entra ID and AD FS write theirs; `V1` where the path says nothing. */
function protocolOf(tokenEndpoint: string): Protocol {
  const { pathname } = new URL(tokenEndpoint);
  if (pathname.includes('/oauth2/v2.0/')) return 'V2';
  return pathname.startsWith('/adfs/') ? 'ADFS' : 'V1';
}
