// The OAuth settings of routes, compiled: once for all routes of a snapshot that say the same, which share connections too.
import type { LookupFunction } from 'node:net';
import type { SnapshotFiles, SnapshotOAuth, SnapshotRoute } from '../config/snapshot.ts';
import type { Clock } from '../http/deadlines.ts';
import { type Audience, compileAudience } from './audience.ts';
import { ConfigurationDocuments } from './configuration-document.ts';
import { IdentityProviderClient } from './identity-provider-client.ts';
import { compileProvider, type ProviderEndpoints } from './provider-endpoints.ts';

export interface CompiledOAuth {
  readonly audience: Audience;
  readonly endpoints: ProviderEndpoints;
  readonly client: IdentityProviderClient;
  /** Undefined where the identity provider's configuration is nowhere. */
  readonly documents: ConfigurationDocuments | undefined;
}

export interface RouteOAuth {
  /** `namespace/name`. */
  readonly key: string;
  readonly oauth: CompiledOAuth;
  /** False where a reference of the route does not resolve: its CA may be what is missing. */
  readonly isUsable: boolean;
}

export interface OAuthCompilerOptions {
  readonly clock: Clock;
  /** How names of identity providers are looked up; default: by the system. */
  readonly lookup?: LookupFunction;
}

/** Compiles the routes of one snapshot. */
export class OAuthCompiler {
  private readonly files: SnapshotFiles;
  private readonly options: OAuthCompilerOptions;
  private readonly known = new Map<string, CompiledOAuth>();

  constructor(files: SnapshotFiles, options: OAuthCompilerOptions) {
    this.files = files;
    this.options = options;
  }

  compile({ namespace, name, servers }: SnapshotRoute, oauth: SnapshotOAuth): RouteOAuth {
    return { key: `${namespace}/${name}`, oauth: this.settings(oauth), isUsable: servers.length > 0 };
  }

  /** Of all routes, each once. */
  get clients(): IdentityProviderClient[] {
    return [...this.known.values()].map(({ client }) => client);
  }

  private settings(oauth: SnapshotOAuth): CompiledOAuth {
    const text = JSON.stringify(oauth);
    let compiled = this.known.get(text);
    if (compiled === undefined) {
      compiled = this.compileSettings(oauth);
      this.known.set(text, compiled);
    }
    return compiled;
  }

  private compileSettings(oauth: SnapshotOAuth): CompiledOAuth {
    const { clock, lookup } = this.options;
    const endpoints = compileProvider(oauth);
    const client = new IdentityProviderClient(this.files.get(oauth.caFile ?? ''), lookup);
    const { configuration } = endpoints;
    return {
      audience: compileAudience(oauth),
      endpoints,
      client,
      documents: configuration && new ConfigurationDocuments(client, configuration, clock),
    };
  }
}
