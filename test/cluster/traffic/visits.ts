// Phones that come again and again: on the connection they have, on a new one each time, or as a new account that signs in.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SignInFailure } from '../../peers/phone/credential.ts';
import { HttpFailure } from '../../peers/phone/eas-client.ts';
import { EasFailure, type Phone } from '../../peers/phone/phone.ts';
import { waitSeconds } from '../../peers/phone/wait.ts';

export interface VisitOptions {
  /** Milliseconds from the end of one visit to the start of the next; each phone varies them by a quarter. */
  readonly everyMilliseconds: number;
  /** No visit starts once it is aborted. */
  readonly ending: AbortSignal;
  /** Aborts the visit under way. */
  readonly abort: AbortSignal;
  /** How long a second of Retry-After lasts in real seconds. */
  readonly timeScale: number;
}

/** Visits until `ending`. A 503 is waited out as it asks; what was lost is in the phone's report, and the next visit follows. */
export async function visitAgainAndAgain(visit: () => Promise<void>, options: VisitOptions): Promise<void> {
  const { everyMilliseconds, ending, abort, timeScale } = options;
  while (!ending.aborted) {
    try {
      await visit();
      await pause(everyMilliseconds * (0.75 + Math.random() / 2), ending);
    } catch (error) {
      if (abort.aborted) return;
      if (error instanceof TypeError || error instanceof RangeError) throw error;
      await waitSeconds(retryAfterOf(error) ?? 1, ending, timeScale);
    }
  }
}

/** Visits of a phone on the connection that it has: it synchronises, and every tenth time it sends a mail. */
export function regular(phone: Phone, outbox: Outbox): () => Promise<void> {
  let visits = 0;
  return async () => {
    visits += 1;
    if (visits % 10 === 0) await outbox.send(phone);
    else await synchronise(phone);
  };
}

/** Visits of a phone that opens a new connection for each. */
export function newcomer(phone: Phone): () => Promise<void> {
  return async () => {
    phone.close();
    await synchronise(phone);
  };
}

/** Visits of accounts that have just been set up: each signs in, provisions and lists its folders. */
export function signIn(makePhone: () => Phone, abort: AbortSignal): () => Promise<void> {
  return async () => {
    const phone = makePhone();
    try {
      await phone.folderSync(abort);
    } catch (error) {
      if (error instanceof EasFailure) phone.report.lost(error.command, error);
      throw error;
    } finally {
      phone.close();
    }
  };
}

async function synchronise(phone: Phone): Promise<void> {
  try {
    await phone.sync();
  } catch (error) {
    if (error instanceof EasFailure) phone.report.lost(error.command, error);
    throw error;
  }
}

/** The mail that phones send. One that was answered 503 is sent again as it is, as phones do. */
export class Outbox {
  readonly #accepted: string[] = [];
  readonly #waiting = new Map<Phone, { clientId: string; messageId: string }>();

  /** Message-IDs of the mails that were answered with success. */
  get accepted(): readonly string[] {
    return this.#accepted;
  }

  async send(phone: Phone): Promise<void> {
    const ids = this.#waiting.get(phone) ?? {
      clientId: randomUUID(),
      messageId: `<${randomUUID()}@phone.example.com>`,
    };
    this.#waiting.delete(phone);
    try {
      await phone.sendMail({ to: 'outside@elsewhere.example', subject: 'from a phone', ...ids });
      this.#accepted.push(ids.messageId);
    } catch (error) {
      if (retryAfterOf(error) !== undefined) this.#waiting.set(phone, ids);
      throw error;
    }
  }
}

function retryAfterOf(error: unknown): number | undefined {
  const isRefusal = error instanceof HttpFailure || error instanceof SignInFailure;
  return isRefusal && error.unavailable ? error.retryAfterSeconds : undefined;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}
