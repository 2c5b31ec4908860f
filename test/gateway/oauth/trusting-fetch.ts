// fetch for client libraries: real TLS that trusts the tests' authority alone, and host names as /etc/hosts would say them.
import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { Agent, fetch as undiciFetch } from 'undici';

export type Fetch = typeof globalThis.fetch;

const MAX_REDIRECTS = 20;

export class TrustingFetch implements AsyncDisposable {
  private readonly agent: Agent;

  /** @param hosts host name → address; others are asked of the system */
  constructor(ca: string, hosts: Readonly<Record<string, string>>) {
    this.agent = new Agent({ connect: { ca, lookup: lookupIn(hosts) } });
  }

  /** Follows no redirect unless told to. */
  readonly fetch: Fetch = (input, init) =>
    undiciFetch(
      input as Parameters<typeof undiciFetch>[0],
      { ...init, dispatcher: this.agent } as Parameters<typeof undiciFetch>[1],
    );

  /**
   * What a browser does with a sign-in URL: follows redirects, with cookies, to the one that begins with `redirectUri`.
   *
   * @throws Error for an answer that is no redirect, and for too many redirects
   */
  async signIn(url: string, redirectUri: string): Promise<URL> {
    const cookies = new Map<string, string>();
    let at = url;
    for (let redirects = 0; redirects < MAX_REDIRECTS; redirects++) {
      if (at.startsWith(redirectUri)) return new URL(at);
      const answer = await this.fetch(at, {
        redirect: 'manual',
        headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') },
      });
      for (const cookie of answer.headers.getSetCookie()) {
        const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split(/=(.*)/s);
        cookies.set(name, value);
      }
      const location = answer.headers.get('location');
      if (location === null) throw new Error(`${answer.status} at ${at}: ${await answer.text()}`);
      at = new URL(location, at).href;
    }
    throw new Error(`redirected ${MAX_REDIRECTS} times, at last to ${at}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent.close();
  }
}

type Lookup = (
  hostname: string,
  options: LookupOptions,
  callback: (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void,
) => void;

function lookupIn(hosts: Readonly<Record<string, string>>): Lookup {
  return (hostname, options, callback) => {
    const address = hosts[hostname];
    if (address === undefined) lookup(hostname, options, callback);
    else if (options.all === true) callback(null, [{ address, family: 4 }]);
    else callback(null, address, 4);
  };
}
