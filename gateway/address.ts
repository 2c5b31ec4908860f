// Where a port of ours is bound: `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`.

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

const HOST_PORT = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i;

/** Parses an address of the command line; undefined when it is none. */
export function parseAddress(text: string): ListenAddress | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    return path === '' ? undefined : { kind: 'unix', path };
  }
  const [, ipv6, host = ipv6, digits = ''] = HOST_PORT.exec(text) ?? [];
  const port = Number(digits);
  return host === undefined || port > 65_535 ? undefined : { kind: 'tcp', host, port };
}

/**
 * What `server.listen` takes. `::` is every address of both families: without a host Node binds that, and every IPv4 address
 * where the machine has no IPv6.
 */
export function bindOptions(host: string, port: number): { host?: string; port: number } {
  return host === '::' ? { port } : { host, port };
}

/** The options of `server.listen` for an address. */
export function listenOptions(address: ListenAddress): { host?: string; port: number } | { path: string } {
  return address.kind === 'unix' ? { path: address.path } : bindOptions(address.host, address.port);
}
