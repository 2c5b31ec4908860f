// The OAuth settings of one route, compiled.
import type { SnapshotOAuth, SnapshotRoute } from '../config/snapshot.ts';
import type { Clock } from '../http/deadlines.ts';
import { type Audience, compileAudience } from './audience.ts';
import { ConfigurationDocuments } from './configuration-document.ts';
import { IdentityProviderClient } from './identity-provider-client.ts';
import { compileProvider, type ProviderEndpoints } from './provider-endpoints.ts';

export class RouteOAuth {
  /** `namespace/name`. */
  readonly key: string;
  readonly audience: Audience;
  readonly endpoints: ProviderEndpoints;
  readonly client: IdentityProviderClient;
  /** Undefined where the identity provider's configuration is nowhere. */
  readonly documents: ConfigurationDocuments | undefined;
  /** False where a reference of the route does not resolve: its CA may be what is missing. */
  readonly isUsable: boolean;

  constructor(route: SnapshotRoute, oauth: SnapshotOAuth, ca: Buffer | undefined, clock: Clock) {
    this.key = `${route.namespace}/${route.name}`;
    this.audience = compileAudience(oauth);
    this.endpoints = compileProvider(oauth);
    this.client = new IdentityProviderClient(ca);
    const { configuration } = this.endpoints;
    this.documents = configuration && new ConfigurationDocuments(this.client, configuration, clock);
    this.isUsable = route.servers.length > 0;
  }
}
