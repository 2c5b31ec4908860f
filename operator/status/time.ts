// Times as Kubernetes writes them.

/** RFC 3339 in UTC, whole seconds. */
export function kubernetesTime(time: Date): string {
  return time.toISOString().replace(/[.]\d+Z$/, 'Z');
}
