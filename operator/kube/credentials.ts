// Who we are to the API server: headers made from the kubeconfig, read anew each minute and after a 401.
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';

/** A bound token is replaced in its file some minutes before it ends. */
const READ_AGAIN_MS = 60_000;

export type Headers = Readonly<Record<string, string>>;

/** Holds the headers between readings; time is monotonic, so that a clock that is set back delays nothing. */
export class Credentials {
  readonly #load: () => Promise<KubeConfig>;
  readonly #monotonicNow: () => number;
  #known: { readonly headers: Headers; readonly readAtMs: number } | undefined;

  /** @param load reads the configuration anew, with everything that it names */
  constructor(load: () => Promise<KubeConfig>, monotonicNow: () => number) {
    this.#load = load;
    this.#monotonicNow = monotonicNow;
  }

  /** The headers of a request. @throws Error when they were never readable */
  async headers(): Promise<Headers> {
    const known = this.#known;
    if (known !== undefined && this.#monotonicNow() - known.readAtMs < READ_AGAIN_MS) return known.headers;
    try {
      return await this.#read();
    } catch (error) {
      if (known === undefined) throw error;
      return known.headers;
    }
  }

  /** After a 401 to these headers: reads anew, unless that was done meanwhile. @throws Error when it cannot be read */
  async renew(refused: Headers): Promise<void> {
    if (this.#known?.headers === refused) await this.#read();
  }

  async #read(): Promise<Headers> {
    const kubeConfig = await this.#load();
    const options: RequestOptions = { headers: {} };
    await kubeConfig.applyToHTTPSOptions(options);
    const headers = {
      ...(options.headers as Record<string, string>),
      ...(options.auth == null
        ? {}
        : { authorization: `Basic ${Buffer.from(options.auth).toString('base64')}` }),
    };
    this.#known = { headers, readAtMs: this.#monotonicNow() };
    return headers;
  }
}
