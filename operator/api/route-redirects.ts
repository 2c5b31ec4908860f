// What becomes of Exchange's redirects (451): the field `redirects` of a route.
import * as z from 'zod';
import { formats, text } from './formats.ts';
import { caReference } from './meta.ts';
import type { Rule } from './rule.ts';

export const redirects = z
  .strictObject({
    policy: z
      .enum(['Rewrite', 'Follow', 'Pass'])
      .default('Rewrite')
      .describe(
        "What happens to Exchange's redirects (451) of mailboxes that moved. Rewrite: X-MS-Location becomes the gateway's own URL, so that no phone leaves it, and the user's next requests go to the new server, if its host is in allowedHosts. Follow: the same, and the request itself is sent there at once where that is possible. Pass: phones are told the new URL and leave the gateway for good, which is a bypass. Default Rewrite.",
      ),
    allowedHosts: z
      .array(text(formats.redirectHost))
      .max(64)
      .describe(
        'Hosts to which users may be moved: names, *.suffix for all below a domain, with :port where it is not 443. Redirects to other hosts are never followed. Default none.',
      )
      .optional(),
    allowBasicCredentials: z
      .boolean()
      .describe(
        'Whether passwords (Basic) are sent to the new server too. Exchange Online takes none. Default false: such users cannot move, and are counted in status.redirects.',
      )
      .optional(),
    caRef: caReference(
      "CA certificates by which the new servers' certificates are verified. Default: the public CAs.",
    ).optional(),
  })
  .prefault({})
  .describe("Exchange's redirects.");

type Redirects = z.infer<typeof redirects>;

export const redirectStatus = z.strictObject({
  movedUsers: z
    .int()
    .min(0)
    .describe('Users whose requests go to a server that Exchange named; of the pod with the most.'),
  stuckUsers: z
    .int()
    .min(0)
    .describe(
      'Users whom Exchange sends to another server and who cannot move: its host is not in allowedHosts, they sign in with a password, or the new server refuses them. Of the pod with the most, within a day.',
    ),
});

export const redirectRules: readonly Rule<never>[] = [
  {
    at: 'spec.redirects',
    cel: "self.policy != 'Pass' || (!has(self.allowedHosts) && !has(self.caRef) && !(has(self.allowBasicCredentials) && self.allowBasicCredentials))",
    check: ({ policy, allowedHosts, caRef, allowBasicCredentials }: Redirects) =>
      policy !== 'Pass' ||
      (allowedHosts === undefined && caRef === undefined && allowBasicCredentials !== true),
    field: '.allowedHosts',
    message:
      'set allowedHosts, caRef and allowBasicCredentials only with policy Rewrite or Follow: with Pass phones go wherever Exchange sends them',
  },
  {
    at: 'spec.redirects',
    cel: "(has(self.allowedHosts) && size(self.allowedHosts) > 0) || (self.policy != 'Follow' && !has(self.caRef) && !(has(self.allowBasicCredentials) && self.allowBasicCredentials))",
    check: ({ policy, allowedHosts = [], caRef, allowBasicCredentials }: Redirects) =>
      allowedHosts.length > 0 ||
      (policy !== 'Follow' && caRef === undefined && allowBasicCredentials !== true),
    field: '.allowedHosts',
    message:
      'name in allowedHosts to which servers users may be moved: policy Follow, caRef and allowBasicCredentials mean nothing without',
  },
];
