// What a route says about its servers' health. Absent parts are the gateway's defaults.
import * as z from 'zod';

const seconds = z.int().positive();

export const healthSchema = z.strictObject({
  active: z
    .strictObject({
      type: z.enum(['Options', 'HealthCheckPage', 'EmptyBearer']).optional(),
      intervalSeconds: seconds.optional(),
      timeoutSeconds: seconds.optional(),
      /** Probes in a row. */
      unhealthyThreshold: z.int().positive().optional(),
      healthyThreshold: z.int().positive().optional(),
    })
    .optional(),
  passive: z
    .strictObject({
      /** Users with a 502, 503 or 504 within 30 seconds. */
      failingUsers: z.int().positive().optional(),
      /** The first time; doubled with each relapse. */
      ejectionSeconds: seconds.optional(),
      /** Of the route's servers, rounded up. */
      maxEjectedPercent: z.int().min(0).max(100).optional(),
    })
    .optional(),
  slowStartSeconds: seconds.optional(),
});

export type SnapshotHealth = z.infer<typeof healthSchema>;
