// What of a SentryGateway is about how much one client address may have.
import * as z from 'zod';

export const gatewayLimits = z.strictObject({
  maxConnectionsPerAddress: z
    .int()
    .min(1)
    .max(1_000_000)
    .describe(
      'Number of connections; more are closed before TLS begins. A phone has up to a handful. Those that were there before the field was set do not count. Default: none of its own; one address never has more than half of the places for connections that are not secure yet.',
    )
    .optional(),
  maxUnacceptedRequestsPerAddress: z
    .int()
    .min(1)
    .max(1_000_000)
    .describe(
      'Number of requests under way on connections whose credentials Exchange has not accepted yet, and of sign-ins; more are answered 503 with Retry-After. Default 20000.',
    )
    .optional(),
});
