// Where the API server is and how it is trusted, from a kubeconfig file or the pod's service account.
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';

/** A kubeconfig file; undefined: the cluster that the pod runs in, or the user's default kubeconfig. */
export type KubeConfigSource = string | undefined;

export interface Configured {
  readonly server: URL;
  /** For `tls.connect`. */
  readonly tls: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;
  /** Reads the configuration anew. */
  readonly load: () => Promise<KubeConfig>;
}

/** @throws Error when the configuration cannot be read or names no cluster */
export async function configured(source: KubeConfigSource): Promise<Configured> {
  const load = async (): Promise<KubeConfig> => {
    const kubeConfig = new KubeConfig();
    if (source === undefined) kubeConfig.loadFromDefault();
    else kubeConfig.loadFromString(await readFile(source, 'utf8'));
    return kubeConfig;
  };
  const kubeConfig = await load();
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) throw new Error('The kubeconfig has no current context with a cluster: set one.');
  const options: RequestOptions = {};
  await kubeConfig.applyToHTTPSOptions(options);
  const { ca, cert, key } = options;
  return {
    server: new URL(cluster.server),
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(cluster.tlsServerName !== undefined && { servername: cluster.tlsServerName }),
      rejectUnauthorized: !cluster.skipTLSVerify,
    },
    load,
  };
}
