// ExchangeRoute, its part about Bearer tokens: which of them do not even reach Exchange.
import * as z from 'zod';
import { type Format, formats, text } from './formats.ts';

const values = (description: string, format: Format) =>
  z.array(text(format)).min(1).max(64).describe(description).optional();

export const tokenPolicy = z.strictObject({
  allowedTenants: values(
    'Tenant ids of which tokens may be (claim tid, which AD FS does not write). Default: any.',
    formats.tenantId,
  ),
  allowedClientIds: values(
    'Client ids of apps for which tokens may have been issued (claim appid or azp); case does not matter. Default: any.',
    formats.clientId,
  ),
  requiredScopes: values(
    'Scopes that a token must have, all of them (claim scp), such as EAS.AccessAsUser.All. Default: none.',
    formats.scope,
  ),
  unreadableTokens: z
    .enum(['Pass', 'Refuse'])
    .default('Pass')
    .describe(
      'What happens to tokens that only Exchange can read, because they are opaque or encrypted. Pass: Exchange alone judges them. Default Pass.',
    ),
});
