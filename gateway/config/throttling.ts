// The part of a snapshot that says how a route shields Exchange. Absent parts mean the defaults.
import * as z from 'zod';

const count = z.int().positive();

/** Absent in a snapshot: these; `limit` 0: off. */
export const DEFAULT_FAILED_LOGINS = { limit: 4, windowSeconds: 1800, addressLimit: 200 } as const;

const rate = z.strictObject({ perMinute: count, burst: count });

export const throttlingSchema = z.strictObject({
  /** Absent: a device that Exchange told to wait, and that comes back too early, gets the same answer. */
  retryAfter: z.literal('Pass').optional(),
  failedLogins: z
    .strictObject({ limit: z.int().nonnegative(), windowSeconds: count, addressLimit: count })
    .optional(),
  /** Absent: loops are not detected. */
  identicalCommands: z
    .strictObject({ limit: count, windowSeconds: count, retryAfterSeconds: count })
    .optional(),
  /** Absent: no limit. */
  deviceRequests: rate.optional(),
  userRequests: rate.optional(),
});

export type SnapshotThrottling = z.infer<typeof throttlingSchema>;
