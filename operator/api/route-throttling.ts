// How Exchange is shielded from phones, and phones from being blocked by it: the field `throttling` of a route.
import * as z from 'zod';

const count = (description: string, min: number, max: number, standard: number) =>
  z.int().min(min).max(max).default(standard).describe(`${description} Default ${standard}.`);

const rate = (whose: string) =>
  z
    .strictObject({
      perMinute: z
        .int()
        .min(1)
        .max(60_000)
        .describe('Number of requests per minute that are let through in the long run.'),
      burst: z
        .int()
        .min(1)
        .max(60_000)
        .describe('Number of requests that may come at once after a quiet time.'),
    })
    .describe(
      `Requests ${whose} whose credential Exchange has accepted; more are answered with 503 and Retry-After. Default: no limit.`,
    )
    .optional();

export const throttling = z
  .strictObject({
    retryAfter: z
      .enum(['Honor', 'Pass'])
      .default('Honor')
      .describe(
        'What happens when Exchange tells a device to wait (Retry-After, X-MS-ASThrottle). Honor: if it comes back earlier, the gateway repeats the answer with the rest of the time and does not ask Exchange. Pass: Exchange is asked again. Default Honor.',
      ),
    failedLogins: z
      .strictObject({
        limit: count(
          "The number of wrong passwords of one user from one client address that reach Exchange until windowSeconds passed without one: below the directory's lock-out threshold. Half of them for the same password. 0: no limit.",
          0,
          100,
          4,
        ),
        windowSeconds: count(
          "In seconds: not less than the directory's observation window.",
          60,
          86_400,
          1800,
        ),
        addressLimit: count(
          'The number of wrong passwords of all users from one client address. Many users may share an address.',
          10,
          1_000_000,
          200,
        ),
      })
      .prefault({})
      .describe(
        'Wrong passwords (Basic): beyond the limits the gateway repeats the 401 of Exchange for those that it refused, and answers others from there with 503 and Retry-After. Passwords that Exchange accepted pass.',
      ),
    identicalCommands: z
      .strictObject({
        limit: count(
          'The number of identical commands in a window that pass while nothing else comes between them.',
          2,
          10_000,
          20,
        ),
        windowSeconds: count('In seconds.', 1, 3600, 60),
        retryAfterSeconds: count('How long the command is refused then, in seconds.', 1, 3600, 60),
      })
      .describe(
        'A device that sends the same command with the same body in a loop is answered with 503 and Retry-After, before Exchange Online refuses it for about ten minutes (too many identical commands). Default: not detected.',
      )
      .optional(),
    deviceRequests: rate('of one device of a user'),
    userRequests: rate('of one user, over all devices,'),
  })
  .prefault({})
  .describe('How Exchange is shielded from phones, and phones from being blocked by Exchange.');
