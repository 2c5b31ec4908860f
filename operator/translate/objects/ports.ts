// The ports inside a gateway's pod.

export const podPorts = {
  /** Phones, TLS. */
  phones: 8443,
  /** Metrics and probes, plain HTTP. */
  metrics: 9090,
  /** The operator's, mutual TLS. */
  admin: 9443,
} as const;
