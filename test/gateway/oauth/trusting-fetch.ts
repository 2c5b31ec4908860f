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
    const browser = new Browser(this.fetch);
    const { url: back, text } = await browser.open(url, { until: redirectUri });
    if (!back.startsWith(redirectUri)) throw new Error(`no redirect at ${back}: ${text}`);
    return new URL(back);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent.close();
  }
}

/** A page, or the redirect at which the browser was to stop. */
interface Page {
  readonly url: string;
  readonly text: string;
}

/** One window with its cookies. */
export class Browser {
  private readonly fetch: Fetch;
  private readonly cookies = new Map<string, string>();

  constructor(fetch: Fetch) {
    this.fetch = fetch;
  }

  /**
   * Opens a URL, or sends a form there, and follows redirects until one begins with `until`.
   *
   * @throws Error for too many redirects
   */
  async open(
    url: string,
    options: { readonly until?: string; readonly form?: URLSearchParams } = {},
  ): Promise<Page> {
    let at = url;
    let body = options.form;
    for (let redirects = 0; redirects < MAX_REDIRECTS; redirects++) {
      if (options.until !== undefined && at.startsWith(options.until)) return { url: at, text: '' };
      const headers = { cookie: [...this.cookies].map((pair) => pair.join('=')).join('; ') };
      const answer = await this.fetch(at, {
        redirect: 'manual',
        headers,
        ...(body !== undefined && { method: 'POST', body }),
      });
      body = undefined;
      this.keep(answer.headers.getSetCookie());
      const location = answer.headers.get('location');
      if (location === null) return { url: at, text: await answer.text() };
      at = new URL(location, at).href;
    }
    throw new Error(`redirected ${MAX_REDIRECTS} times, at last to ${at}`);
  }

  /** Sends the form of a page, its hidden fields as they are. */
  submit(page: Page, fields: Readonly<Record<string, string>>): Promise<Page> {
    const hidden = [...page.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const action = /<form [^>]*action="([^"]*)"/.exec(page.text)?.[1] ?? page.url;
    const values = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]));
    const form = new URLSearchParams({ ...values, ...fields });
    return this.open(new URL(action, page.url).href, { form });
  }

  private keep(cookies: readonly string[]): void {
    for (const cookie of cookies) {
      const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split(/=(.*)/s);
      this.cookies.set(name, value);
    }
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
