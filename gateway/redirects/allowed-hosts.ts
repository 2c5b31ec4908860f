// Where a redirect of Exchange may lead: the hosts that a route allows, and nothing else (server-side request forgery).

const DEFAULT_PORT = '443';

/** Compiled `allowedHosts`: names or `*.suffix`, each with a port where it is not 443; lower case. */
export class RedirectHosts {
  private readonly exact: ReadonlySet<string>;
  private readonly suffixes: readonly string[];

  constructor(allowedHosts: readonly string[]) {
    const hosts = allowedHosts.map((host) => withPort(host.toLowerCase()));
    this.exact = new Set(hosts.filter((host) => !host.startsWith('*.')));
    this.suffixes = hosts.filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
  }

  /**
   * The server that an X-MS-Location names, as `https://host[:port]`.
   * @returns undefined where it is no https URL, or of a host that is not allowed
   */
  serverOf(location: string): string | undefined {
    const url = URL.parse(location);
    if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined;
    return this.allows(url) ? url.origin : undefined;
  }

  private allows({ hostname, port }: URL): boolean {
    const host = `${hostname}:${port || DEFAULT_PORT}`;
    return this.exact.has(host) || this.suffixes.some((suffix) => host.endsWith(suffix));
  }
}

function withPort(host: string): string {
  return /:\d+$/.test(host) ? host : `${host}:${DEFAULT_PORT}`;
}
