// A route's policy about tokens, as the gateway reads it: what is as by default is not written.
import type { SnapshotRoute } from '../../gateway/config/snapshot.ts';
import type { ExchangeRouteSpec } from '../api/exchange-route.ts';

type Written = Pick<SnapshotRoute['authentication'], 'tokenPolicy'>;

export function tokenPolicyOf({ authentication }: ExchangeRouteSpec): Written {
  const { tokenPolicy } = authentication;
  if (tokenPolicy === undefined) return {};
  const { allowedTenants, allowedClientIds, requiredScopes, unreadableTokens } = tokenPolicy;
  return {
    tokenPolicy: {
      ...(allowedTenants && { allowedTenants: allowedTenants.map((id) => id.toLowerCase()) }),
      ...(allowedClientIds && { allowedClientIds: allowedClientIds.map((id) => id.toLowerCase()) }),
      ...(requiredScopes && { requiredScopes }),
      ...(unreadableTokens === 'Refuse' && { unreadableTokens }),
    },
  };
}
