// A route's servers and what it says about them, as the gateway reads it: what is as by default is not written.
import type { SnapshotHealth } from '../../gateway/config/health.ts';
import type { SnapshotRoute } from '../../gateway/config/snapshot.ts';
import type { ExchangeRouteSpec } from '../api/exchange-route.ts';
import { health as healthSchema } from '../api/route-servers.ts';

const HEALTH = healthSchema.parse({});

export function serversOf({
  servers,
  balancing,
  health,
}: ExchangeRouteSpec): Pick<SnapshotRoute, 'servers' | 'balancing' | 'health'> {
  return {
    servers: servers.map(({ name, url, priority, weight }) => ({
      name,
      url: originOf(url),
      priority,
      ...(weight !== 1 && { weight }),
    })),
    ...(balancing !== 'Priority' && { balancing }),
    ...healthOf(health),
  };
}

function healthOf({ active, passive, slowStartSeconds }: ExchangeRouteSpec['health']): {
  health?: SnapshotHealth;
} {
  const activeChanged = changed(active, HEALTH.active);
  const passiveChanged = changed(passive, HEALTH.passive);
  const health = {
    ...(isEmpty(activeChanged) ? {} : { active: activeChanged }),
    ...(isEmpty(passiveChanged) ? {} : { passive: passiveChanged }),
    ...(slowStartSeconds > 0 && { slowStartSeconds }),
  };
  return isEmpty(health) ? {} : { health };
}

/** The fields that are not as by default. */
function changed<T extends object>(value: T, standard: T): Partial<T> {
  const entries = Object.entries(value).filter(([name, one]) => one !== standard[name as keyof T]);
  return Object.fromEntries(entries) as Partial<T>;
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

/** Without the final slash that the API allows; a URL that cannot be parsed stays, for the schema to refuse. */
function originOf(url: string): string {
  return URL.parse(url)?.origin ?? url;
}
