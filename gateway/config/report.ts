// The report: what a gateway tells the operator on its admin port (GET /report).
import * as z from 'zod';

export const gatewayReportSchema = z.object({
  build: z.string(),
  startedAt: z.iso.datetime(),
  /** The gateway's own clock: the operator's may differ. Absent in reports of older gateways. */
  now: z.iso.datetime().optional(),
  ready: z.boolean(),
  draining: z.boolean(),
  /** What it serves; null before the first good snapshot. */
  snapshot: z.object({ version: z.int(), generation: z.int(), hash: z.string() }).nullable(),
  /** The last snapshot that it refused, until a good one replaces it. */
  refused: z.object({ hash: z.string(), message: z.string(), at: z.iso.datetime() }).nullable(),
  openConnections: z.int(),
  openPolls: z.int(),
  devicesSeen: z.int(),
  /** By version of the protocol that they spoke. Absent in reports of older gateways. */
  devicesByVersion: z.record(z.string(), z.int()).optional(),
  servers: z.array(
    z.object({
      /** namespace/name of the ExchangeRoute. */
      route: z.string(),
      server: z.string(),
      healthy: z.boolean(),
      /** Healthy or not: whether it answers at all. Absent in reports of older gateways: as `healthy`. */
      reachable: z.boolean().optional(),
      since: z.iso.datetime(),
      lastError: z.string().nullable(),
      /** How often it ceased to be healthy. Absent, as what follows, in reports of older gateways. */
      failures: z.int().optional(),
      /** Requests under way, open polls included. */
      connections: z.int().optional(),
    }),
  ),
  /** Requests that wait until a server has room. Absent in reports of older gateways. */
  waitingRequests: z.int().optional(),
  /** Users of mailboxes that moved, by route; without those that have none. Absent in reports of older gateways. */
  redirects: z
    .array(
      z.object({
        /** namespace/name of the ExchangeRoute. */
        route: z.string(),
        /** Whose requests go to a server that Exchange named. */
        moved: z.int(),
        /** Whom Exchange sends elsewhere, and who cannot go there. */
        stuck: z.int(),
      }),
    )
    .optional(),
});

export type GatewayReport = z.infer<typeof gatewayReportSchema>;
