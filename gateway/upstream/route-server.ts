// A server as a route names it.
import type { Endpoint } from './endpoint.ts';

/** A server of a route. */
export interface RouteServer {
  readonly name: string;
  /** Lower is asked first. */
  readonly priority: number;
  readonly endpoint: Endpoint;
}
