// ExchangeRoute, its part about Autodiscover: how phones that know a mail address alone find the gateway.
import * as z from 'zod';
import { formats, text } from './formats.ts';
import type { Rule } from './rule.ts';

export const autodiscover = z
  .strictObject({
    policy: z
      .enum(['NamedDomains', 'AnyDomain', 'Disabled'])
      .default('NamedDomains')
      .describe(
        'For which mail addresses the gateway answers Autodiscover with its own URL. NamedDomains: those of the domains that match.domains and match.users name. AnyDomain: all that ask. Disabled: the route takes no part. Default NamedDomains.',
      ),
    redirectDomain: text(formats.hostname)
      .describe(
        'The mail domain under which clients are to ask again instead, because the domains of the route have moved there. Default: none.',
      )
      .optional(),
  })
  .prefault({})
  .describe('Autodiscover, version 1 (XML) and 2 (JSON).');

type Autodiscover = z.infer<typeof autodiscover>;

/** As far as it matters here. */
interface RouteSpec {
  readonly match: { readonly domains?: readonly string[] | undefined };
  readonly autodiscover: Autodiscover;
}

export const autodiscoverRules: readonly Rule<never>[] = [
  {
    at: 'spec.autodiscover',
    cel: "!has(self.redirectDomain) || self.policy == 'NamedDomains'",
    check: ({ policy, redirectDomain }: Autodiscover) =>
      redirectDomain === undefined || policy === 'NamedDomains',
    field: '.redirectDomain',
    message: 'set redirectDomain only with policy NamedDomains: the domains that have moved must be named',
  },
  {
    at: 'spec',
    cel: '!has(self.autodiscover.redirectDomain) || !has(self.match.domains) || !self.match.domains.exists(domain, domain.lowerAscii() == self.autodiscover.redirectDomain)',
    check: ({ match, autodiscover: { redirectDomain } }: RouteSpec) =>
      !(match.domains ?? []).some((domain) => domain.toLowerCase() === redirectDomain),
    field: '.autodiscover.redirectDomain',
    message: 'name another domain than those of the route: clients would ask for ever',
  },
];
