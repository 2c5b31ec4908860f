// How requests are spread over the servers of a route, how servers are judged, and how much they are given: the fields servers,
// balancing, health, limits and timeouts of an ExchangeRoute.
import * as z from 'zod';
import { formats, text } from './formats.ts';
import { dnsLabel } from './meta.ts';
import type { Rule } from './rule.ts';

const seconds = (description: string, min: number, max: number, standard: number) =>
  z.int().min(min).max(max).default(standard).describe(`${description} In seconds. Default ${standard}.`);

const server = z.strictObject({
  name: dnsLabel('Name of the server, unique in this route; it appears in metrics and status.'),
  url: text(formats.serverURL).describe(
    'Where the server is: https://host[:port]. The path is always that of ActiveSync.',
  ),
  priority: z
    .int()
    .min(0)
    .max(100)
    .default(0)
    .describe('Servers of the lowest number are used as long as one of them is healthy. Default 0.'),
  weight: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe(
      'The number of its shares of the requests among servers of equal priority, with any balancing but Priority. Default 1.',
    ),
});

export const servers = z
  .array(server)
  .min(1)
  .max(32)
  .describe('Front ends of one Exchange organisation, a map by name.');

export const balancing = z
  .enum(['Priority', 'RoundRobin', 'LeastRequests', 'UserHash'])
  .default('Priority')
  .describe(
    'Which of several healthy servers of equal priority is asked. Priority: the first one in the list. RoundRobin: one after the other. LeastRequests: the one with the fewest requests under way, open polls included. UserHash: a user stays with a server while the servers stay the same and none has more than 1.25 times its share. Each gateway pod decides by itself. Default Priority.',
  );

const active = z
  .strictObject({
    type: z
      .enum(['Options', 'HealthCheckPage', 'EmptyBearer'])
      .default('Options')
      .describe(
        'What is asked. Options: OPTIONS without a credential; any answer below 500 is a sign of life. HealthCheckPage: GET of healthcheck.htm, 200 while Exchange on premises has ActiveSync in service. EmptyBearer: OPTIONS with an empty Bearer token, which Exchange Online answers with 401. Default Options.',
      ),
    intervalSeconds: seconds('From one probe to the next; spread by 20 percent.', 1, 600, 10),
    timeoutSeconds: seconds('For the answer to a probe, once the connection is made.', 1, 60, 5),
    unhealthyThreshold: z
      .int()
      .min(1)
      .max(10)
      .default(2)
      .describe('The number of failures in a row that make a server unhealthy. Default 2.'),
    healthyThreshold: z
      .int()
      .min(1)
      .max(10)
      .default(2)
      .describe('The number of good probes in a row that make it healthy again. Default 2.'),
  })
  .prefault({})
  .describe('Probes.');

const passive = z
  .strictObject({
    failingUsers: z
      .int()
      .min(1)
      .max(64)
      .default(3)
      .describe(
        'The number of users with an answer 502, 503 or 504 within 30 seconds that take a server out of service, unless more requests are answered well. Default 3.',
      ),
    ejectionSeconds: seconds(
      'How long it stays out at least; doubled each time that it fails again within five minutes.',
      1,
      300,
      30,
    ),
    maxEjectedPercent: z
      .int()
      .min(0)
      .max(100)
      .default(50)
      .describe(
        'How many of the servers, in percent rounded up, may be out of service at a time for what they answer; unreachable ones count. The last to fail stay. Default 50.',
      ),
  })
  .prefault({})
  .describe('What the answers to requests say about a server.');

export const health = z
  .strictObject({
    active,
    passive,
    slowStartSeconds: z
      .int()
      .min(0)
      .max(3600)
      .default(0)
      .describe(
        'For so long a server that returns gets a growing share of the requests, beginning with a tenth. In seconds; 0: all at once. Default 0.',
      ),
  })
  .prefault({})
  .describe('How servers are judged. Each gateway pod judges by itself.');

const connections = (which: string) =>
  z
    .int()
    .min(1)
    .max(1_000_000)
    .describe(
      `Number of requests under way of one gateway pod at ${which}, open polls included: each has a connection. More wait. Default: no limit.`,
    )
    .optional();

export const limits = z
  .strictObject({
    maxRequestBytes: z
      .int()
      .min(65_536)
      .max(2_147_483_647)
      .default(30_000_000)
      .describe('The largest request body, in bytes; larger ones are answered with 413. Default 30000000.'),
    maxConnections: connections('all servers of the route together'),
    maxConnectionsPerServer: connections('one server'),
    maxQueuedRequests: z
      .int()
      .min(0)
      .max(10_000)
      .describe(
        'Number of requests of one gateway pod that wait while a limit of connections is reached; more are answered with 503 and Retry-After. Default 500.',
      )
      .optional(),
    queueSeconds: z
      .int()
      .min(1)
      .max(60)
      .describe('How long they wait, in seconds, before they are answered so. Default 10.')
      .optional(),
    maxReplayPercent: z
      .int()
      .min(0)
      .max(100)
      .describe(
        'How many of the requests of the last seconds, in percent, may be sent again to another server after the first one failed; a hundred always may, unless this is 0. Default 20.',
      )
      .optional(),
  })
  .prefault({})
  .describe('Limits of requests.');

const firstByte = (which: string) =>
  z
    .int()
    .min(1)
    .max(3600)
    .describe(`The same for ${which}. In seconds. Default: firstByteSeconds.`)
    .optional();

export const timeouts = z
  .strictObject({
    connectSeconds: seconds('To make a connection to a server, TLS included.', 1, 60, 5),
    firstByteSeconds: seconds(
      'From the end of a request to the first byte of its answer, for all but Ping and Sync.',
      1,
      3600,
      120,
    ),
    uploadFirstByteSeconds: firstByte('mails that are sent: SendMail, SmartReply and SmartForward'),
    downloadFirstByteSeconds: firstByte('bodies and attachments: ItemOperations and GetAttachment'),
    idleSeconds: seconds('Without a byte while a body flows.', 5, 600, 60),
    pollSeconds: seconds(
      'To the first byte of the answer of Ping and Sync, which phones hold for up to 3540 seconds.',
      3600,
      7200,
      3600,
    ),
    keepAliveSeconds: seconds("Between two requests on a phone's connection.", 10, 300, 120),
  })
  .prefault({})
  .describe('Time-outs.');

interface Spec {
  readonly servers: z.infer<typeof servers>;
  readonly balancing: z.infer<typeof balancing>;
}

export const routeServerRules: readonly Rule<never>[] = [
  {
    at: 'spec',
    cel: "self.balancing != 'Priority' || self.servers.all(s, s.weight == 1)",
    check: (spec: Spec) => spec.balancing !== 'Priority' || spec.servers.every(({ weight }) => weight === 1),
    field: '.balancing',
    message:
      'set balancing to RoundRobin, LeastRequests or UserHash, or remove weight: by Priority the first server takes everything',
  },
  {
    at: 'spec.limits',
    cel: '(!has(self.maxQueuedRequests) && !has(self.queueSeconds)) || has(self.maxConnections) || has(self.maxConnectionsPerServer)',
    check: ({
      maxQueuedRequests,
      queueSeconds,
      maxConnections,
      maxConnectionsPerServer,
    }: z.infer<typeof limits>) =>
      (maxQueuedRequests === undefined && queueSeconds === undefined) ||
      maxConnections !== undefined ||
      maxConnectionsPerServer !== undefined,
    field: '',
    message:
      'set maxConnections or maxConnectionsPerServer too: without them no request waits, and maxQueuedRequests and queueSeconds say nothing',
  },
];
