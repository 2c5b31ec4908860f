// A server that Exchange named by a redirect, as one of its route.
import type { Endpoint } from '../upstream/endpoint.ts';
import type { RouteServer } from '../upstream/route-server.ts';

/** @param url `https://host[:port]`: metrics and log name it by its host */
export function learntServer(url: string, endpoint: Endpoint): RouteServer {
  return { name: new URL(url).host, priority: 0, endpoint };
}
