// A phone that keeps its mail up to date: polls, fetches what came, and comes back after every failure as phones do.
import { SignInFailure } from './credential.ts';
import { misbehave } from './misbehave.ts';
import { reactionTo } from './reactions.ts';
import { HttpFailure } from './eas-client.ts';
import { EasFailure, type Mail, type Phone } from './phone.ts';
import { waitSeconds } from './wait.ts';

export interface PushLoopOptions {
  /** Ends the loop, and the poll that is held. */
  readonly signal: AbortSignal;
  /** Ping and then Sync, or one Sync that waits; default ping. */
  readonly mode?: 'ping' | 'sync';
  /** Default 470. */
  readonly heartbeatSeconds?: number;
  /** Repeat an expired poll by an empty request; default true. */
  readonly empty?: boolean;
  /** How long a second of Retry-After and of back-off lasts in real seconds; default 1. */
  readonly timeScale?: number;
  readonly onMail?: (mail: Mail, phone: Phone) => void;
}

const firstBackOffSeconds = 1;
const longestBackOffSeconds = 60;

/**
 * Polls until the signal is aborted. Every loss, refusal and mail is counted in the phone's report; nothing is thrown
 * but programming errors. The phone must have synchronised its folders and the inbox once.
 */
export async function pushLoop(phone: Phone, options: PushLoopOptions): Promise<void> {
  const loop = new PushLoop(phone, options);
  while (!options.signal.aborted && !loop.hasGivenUp) {
    try {
      await loop.poll();
    } catch (error) {
      if (options.signal.aborted) return;
      await loop.recover(error);
    }
  }
}

class PushLoop {
  readonly #phone: Phone;
  readonly #options: PushLoopOptions;
  #heartbeatSeconds: number;
  #repeatable = false;
  #failures = 0;
  #polls = 0;
  /** The client tells its user and sends nothing more. */
  hasGivenUp = false;

  constructor(phone: Phone, options: PushLoopOptions) {
    this.#phone = phone;
    this.#options = options;
    this.#heartbeatSeconds = options.heartbeatSeconds ?? phone.client?.heartbeatSeconds.value ?? 470;
  }

  async poll(): Promise<void> {
    const { mode = 'ping', signal } = this.#options;
    const empty = this.#options.empty ?? this.#phone.client?.emptyPing.value ?? true;
    await this.#misbehave();
    const options = { signal, empty: empty && this.#repeatable };
    this.#repeatable = false;
    if (mode === 'sync') {
      const { added, changed, deleted } = await this.#phone.syncWait(this.#heartbeatSeconds, options);
      this.#repeatable = added.length + changed.length + deleted.length === 0;
      this.#announce(added);
    } else {
      const result = await this.#phone.ping(this.#heartbeatSeconds, options);
      this.#repeatable = true;
      if (result.kind === 'changed') {
        for (const id of result.folderIds) this.#announce((await this.#phone.sync(id, { signal })).added);
      }
    }
    this.#failures = 0;
  }

  /** Does what a phone does after this error, and waits as long. */
  async recover(error: unknown): Promise<void> {
    const { report } = this.#phone;
    if (await this.#reacts(error)) return;
    if (error instanceof EasFailure) {
      if (error.status === 5 && error.heartbeatSeconds !== undefined)
        this.#heartbeatSeconds = error.heartbeatSeconds;
      else if (!(await this.#repair(error))) {
        report.lost(error.command, error);
        await this.#backOff();
      }
    } else if ((error instanceof HttpFailure || error instanceof SignInFailure) && error.unavailable) {
      await this.#wait(error.retryAfterSeconds ?? firstBackOffSeconds);
    } else if (error instanceof TypeError || error instanceof RangeError) {
      throw error;
    } else {
      await this.#backOff();
    }
  }

  /** Does what this kind of client does about the failure; false where it has no way of its own. */
  async #reacts(error: unknown): Promise<boolean> {
    const { client } = this.#phone;
    const reaction = client && reactionTo(client, error);
    switch (reaction) {
      case 'tell the user':
      case 'wipe':
        this.hasGivenUp = true;
        return true;
      case 'repeat at once':
        await this.#wait(firstBackOffSeconds / 100);
        return true;
      case 'later':
      case 'wait longer each time':
        await this.#backOff();
        return true;
      default:
        return false;
    }
  }

  async #misbehave(): Promise<void> {
    const ways = this.#phone.client?.misbehaviour?.value ?? [];
    const way = ways[this.#polls % ways.length];
    this.#polls += 1;
    if (way !== undefined) await misbehave(this.#phone, way);
  }

  /** True when the failure only says that something must be asked again in full. */
  async #repair({ command, status }: EasFailure): Promise<boolean> {
    const { signal } = this.#options;
    if (command === 'Ping' && status === 3) return true;
    if (command === 'Sync' && status === 13) return true;
    if ((command === 'Ping' && status === 7) || (command === 'Sync' && (status === 8 || status === 12))) {
      try {
        await this.#phone.folderSync(signal);
      } catch (error) {
        if (!signal.aborted) await this.#wait(this.#nextBackOff(error));
      }
      return true;
    }
    return false;
  }

  #nextBackOff(error: unknown): number {
    return (error instanceof HttpFailure ? error.retryAfterSeconds : undefined) ?? firstBackOffSeconds;
  }

  #announce(added: readonly Mail[]): void {
    for (const mail of added) this.#options.onMail?.(mail, this.#phone);
  }

  async #backOff(): Promise<void> {
    const seconds = Math.min(longestBackOffSeconds, firstBackOffSeconds * 2 ** this.#failures);
    this.#failures += 1;
    await this.#wait(seconds * (0.5 + Math.random() / 2));
  }

  async #wait(seconds: number): Promise<void> {
    await waitSeconds(seconds, this.#options.signal, this.#options.timeScale);
  }
}
