// Which endpoint of the simulated identity provider a path means: tenant, dialect, purpose.

/** `v1` speaks resource, `v2` speaks scope, `adfs` speaks resource and writes audiences with their final slash. */
export type Dialect = 'v1' | 'v2' | 'adfs';

export type Purpose = 'authorize' | 'token' | 'devicecode' | 'keys' | 'configuration';

export interface Endpoint {
  readonly purpose: Purpose;
  readonly dialect: Dialect;
  /** `common`, a tenant id, a domain, or `adfs`. */
  readonly tenant: string;
}

const purposes: Readonly<Record<string, Purpose>> = {
  authorize: 'authorize',
  token: 'token',
  devicecode: 'devicecode',
};

/** The endpoint of a path without its query; undefined when there is none. */
export function endpointOf(path: string): Endpoint | undefined {
  const oauth = /^\/([A-Za-z0-9.-]+)\/oauth2\/(v2\.0\/)?(authorize|token|devicecode)$/.exec(path);
  if (oauth) {
    const [, tenant = '', version, name = ''] = oauth;
    const purpose = purposes[name];
    return purpose && { purpose, tenant, dialect: tenant === 'adfs' ? 'adfs' : version ? 'v2' : 'v1' };
  }
  const keys = /^\/([A-Za-z0-9.-]+)\/discovery\/(?:v2\.0\/)?keys$/.exec(path);
  if (keys) return { purpose: 'keys', tenant: keys[1] ?? '', dialect: 'v1' };
  const configuration = /^\/([A-Za-z0-9.-]+)\/(v2\.0\/)?\.well-known\/openid-configuration$/.exec(path);
  if (!configuration) return undefined;
  const tenant = configuration[1] ?? '';
  return {
    purpose: 'configuration',
    tenant,
    dialect: tenant === 'adfs' ? 'adfs' : configuration[2] ? 'v2' : 'v1',
  };
}
