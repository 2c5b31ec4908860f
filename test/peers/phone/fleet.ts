// Many phones in one process: set up a few at a time, then all polling, with one report.
import { HttpFailure } from './eas-client.ts';
import { SignInFailure } from './credential.ts';
import { trusting } from './http-client.ts';
import { Phone, type PhoneOptions } from './phone.ts';
import { pushLoop, type PushLoopOptions } from './push-loop.ts';
import { Report } from './report.ts';
import { setUp } from './set-up.ts';
import { waitSeconds } from './wait.ts';

export interface FleetOptions extends Omit<PhoneOptions, 'user' | 'oauth'>, Omit<PushLoopOptions, 'signal'> {
  readonly phones: number;
  /** The user of phone n (from 1), or a name in which `{n}` stands for n. */
  readonly user: string | ((n: number) => string);
  readonly oauth?: PhoneOptions['oauth'] | undefined;
  /** How many phones are set up at the same time; default 32. */
  readonly concurrency?: number;
  /** How often each phone tries to get in before it gives up; default 20. */
  readonly attempts?: number;
  readonly signal?: AbortSignal;
}

/** Phones that poll until `stop`. */
export class Fleet {
  readonly phones: readonly Phone[];
  readonly report: Report;
  readonly #options: FleetOptions;
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[] = [];

  constructor(options: FleetOptions) {
    const { phones, user, oauth, ca, secureContext, report = new Report() } = options;
    const shared = {
      ...options,
      report,
      secureContext: secureContext ?? trusting(ca),
      // X25519 alone keeps a connection's memory small: see the measurements in the project's notes on Node.
      tls: options.tls ?? { ecdhCurve: 'X25519' },
    };
    this.#options = options;
    this.report = report;
    this.phones = Array.from({ length: phones }, (_, index) => {
      const name = typeof user === 'string' ? user.replaceAll('{n}', String(index + 1)) : user(index + 1);
      const { oauth: _oauth, ...rest } = shared;
      return new Phone({ ...rest, user: name, ...(oauth && { oauth }) });
    });
    options.signal?.addEventListener('abort', () => this.#stop.abort(options.signal?.reason));
  }

  /** Signs in, provisions and synchronises every phone; each polls as soon as it is ready. Resolves when all do. */
  async start(): Promise<void> {
    const waiting = [...this.phones];
    const worker = async (): Promise<void> => {
      for (let phone = waiting.shift(); phone; phone = waiting.shift()) {
        if (await this.#setUp(phone))
          this.#loops.push(pushLoop(phone, { ...this.#options, signal: this.#stop.signal }));
      }
    };
    await Promise.all(Array.from({ length: this.#options.concurrency ?? 32 }, worker));
  }

  /** Ends all polls and then compares what every phone has with what the server has: see Phone.audit. */
  async audit(): Promise<void> {
    await this.#endPolls();
    await Promise.allSettled(this.phones.map((phone) => phone.audit()));
  }

  /** Ends all polls and connections. */
  async stop(): Promise<void> {
    await this.#endPolls();
    for (const phone of this.phones) phone.close();
  }

  async #endPolls(): Promise<void> {
    this.#stop.abort(new Error('the fleet was stopped'));
    await Promise.all(this.#loops);
  }

  /** False when the fleet was stopped, or the phone never got in: the report says why. */
  async #setUp(phone: Phone): Promise<boolean> {
    const { signal } = this.#stop;
    const { attempts = 20 } = this.#options;
    for (let attempt = 0; attempt < attempts && !signal.aborted; attempt += 1) {
      try {
        if (phone.client) await setUp(phone, phone.client, signal);
        else {
          await phone.folderSync(signal);
          await phone.sync(phone.inbox, { signal });
        }
        return true;
      } catch (error) {
        if (signal.aborted) return false;
        await this.#waitAfter(error);
      }
    }
    return false;
  }

  async #waitAfter(error: unknown): Promise<void> {
    const asked =
      error instanceof HttpFailure || error instanceof SignInFailure ? error.retryAfterSeconds : undefined;
    await waitSeconds(asked ?? 1, this.#stop.signal, this.#options.timeScale);
  }
}
