// The story: sign-in, sync, mail through an open Ping, a server dies, an edit, a new certificate, the drain.
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { HttpFailure } from '../peers/phone/eas-client.ts';
import type { Phone } from '../peers/phone/phone.ts';
import { HOSTNAME, type Stage } from './stage.ts';
import type { Terminal } from './terminal.ts';

const HEARTBEAT_SECONDS = 470;
const DEADLINE_MS = 20_000;

/** Tells the story; true when every step passed and nothing was lost. */
export async function tellStory(
  stage: Stage,
  terminal: Terminal,
  options: { drain: boolean },
): Promise<boolean> {
  const story = new Story(stage, terminal);
  console.log(`The gateway serves ${stage.urls.gateway}, configured by the YAML in ${stage.directory}\n`);
  await terminal.step(`${stage.users.length} phones sign in with OAuth through the gateway`, () =>
    story.signIn(),
  );
  await terminal.step('they are provisioned and synchronised', () => story.synchronise());
  await terminal.step('each holds a Ping open, and mail arrives through it', () => story.receiveMail());
  await terminal.step('the first Exchange server dies', () => story.killServer());
  await terminal.step('the route is edited under the open polls', () => story.editRoute());
  await terminal.step('the certificate is replaced under the open polls', () => story.replaceCertificate());
  await terminal.step('a mail is sent, once', () => story.sendMail());
  if (options.drain) {
    await terminal.step('SIGTERM: every open poll gets an answer, and the gateway exits', () =>
      story.drain(),
    );
  }
  await terminal.step('nothing was lost', () => story.judge());
  terminal.printFigures();
  return terminal.passed;
}

class Story {
  readonly #stage: Stage;
  readonly #terminal: Terminal;
  readonly #phones: Phone[];
  readonly #polls = new Map<Phone, Promise<void>>();
  #draining = false;

  constructor(stage: Stage, terminal: Terminal) {
    this.#stage = stage;
    this.#terminal = terminal;
    this.#phones = stage.users.map((user) => stage.phone(user));
  }

  async signIn(): Promise<string> {
    const started = performance.now();
    await Promise.all(this.#phones.map((phone) => phone.options()));
    return `${milliseconds(started)} ms`;
  }

  async synchronise(): Promise<void> {
    await Promise.all(
      this.#phones.map(async (phone) => {
        await phone.folderSync();
        await phone.sync();
      }),
    );
  }

  async receiveMail(): Promise<string> {
    await this.#holdPolls();
    const started = performance.now();
    await this.#deliverToAll('first');
    const took = milliseconds(started);
    this.#terminal.figure('mail to synchronised on all phones, ms', took);
    return `on all phones after ${took} ms`;
  }

  async killServer(): Promise<string> {
    await this.#holdPolls();
    const [alice] = this.#phones;
    if (alice === undefined) throw new Error('there is no phone');
    this.#stage.exchange.frontEnd('mbx1').kill();
    const started = performance.now();
    await alice.folderSync();
    const took = milliseconds(started);
    this.#terminal.figure('failover, ms to the next good answer', took);
    await this.#deliverToAll('after the failover');
    return `the next request was answered by the second after ${took} ms, and mail still arrives`;
  }

  async editRoute(): Promise<string> {
    await this.#holdPolls();
    const open = this.#openPolls();
    const before = await this.#reloads();
    const started = performance.now();
    await this.#stage.writeRoute(['mbx2']);
    await until(async () => (await this.#reloads()) > before);
    const took = milliseconds(started);
    this.#terminal.figure('edit to served, ms', took);
    this.#expectOpen(open);
    return `served after ${took} ms; ${open} polls stayed open`;
  }

  async replaceCertificate(): Promise<string> {
    const open = this.#openPolls();
    const wanted = new X509Certificate(await this.#stage.replaceCertificate()).fingerprint256;
    const started = performance.now();
    await until(async () => (await this.#servedFingerprint()) === wanted);
    const took = milliseconds(started);
    this.#terminal.figure('new certificate to served, ms', took);
    this.#expectOpen(open);
    return `served after ${took} ms; ${open} polls stayed open`;
  }

  async sendMail(): Promise<void> {
    const [alice] = this.#phones;
    const { messageId } = (await alice?.sendMail({ to: 'user1@example.com', subject: 'hello' })) ?? {};
    const sent = this.#stage.exchange.organisation.journal.sentMail.filter(
      (mail) => mail.messageId === messageId,
    );
    if (sent.length !== 1) throw new Error(`Exchange has it ${sent.length} times`);
    await this.#pollsEnded([this.#phones[1]]);
  }

  async drain(): Promise<string> {
    await this.#holdPolls();
    this.#draining = true;
    const open = this.#openPolls();
    const { code, milliseconds: took } = await this.#stage.drain();
    await this.#pollsEnded(this.#phones);
    if (code !== 0) throw new Error(`exit code ${code}`);
    this.#terminal.figure('drain, ms', Math.round(took));
    return `${open} polls answered, exit code 0 after ${Math.round(took)} ms`;
  }

  async judge(): Promise<string> {
    for (const phone of this.#phones) phone.close();
    const { requests, lost, lostReasons, unavailable, mailReceived, mailDoubled } =
      this.#stage.report.summary();
    const { violations } = this.#stage.exchange;
    this.#terminal.figure('requests', requests);
    this.#terminal.figure('mail received', mailReceived);
    this.#terminal.figure('lost', lost);
    this.#terminal.figure("503 of the gateway's own", unavailable);
    if (lost + mailDoubled > 0) throw new Error(`${lost} lost: ${JSON.stringify(lostReasons)}`);
    if (violations.length > 0) throw new Error(`Exchange objects: ${violations[0]?.message}`);
    return `${requests} requests`;
  }

  /** Every phone that holds no poll opens one; resolves when Exchange holds them all. */
  async #holdPolls(): Promise<void> {
    for (const phone of this.#phones) {
      if (this.#polls.has(phone)) continue;
      const poll = this.#poll(phone);
      poll.catch(() => undefined);
      this.#polls.set(phone, poll);
    }
    const { journal } = this.#stage.exchange.organisation;
    await journal.until(
      ({ openPolls }) => openPolls.length >= this.#phones.length,
      AbortSignal.timeout(DEADLINE_MS),
    );
  }

  /** Pings until there are changes, and fetches them. A poll that ends without any is asked again, but not in a drain. */
  async #poll(phone: Phone): Promise<void> {
    for (;;) {
      try {
        const result = await phone.ping(HEARTBEAT_SECONDS);
        if (result.kind === 'expired' && !this.#draining) continue;
        if (result.kind === 'changed') await phone.sync();
        break;
      } catch (error) {
        if (!(error instanceof HttpFailure && error.unavailable)) throw error;
        await sleep(200);
      }
    }
    this.#polls.delete(phone);
  }

  async #deliverToAll(subject: string): Promise<void> {
    for (const { user } of this.#phones) this.#stage.exchange.organisation.deliver(user, { subject });
    await this.#pollsEnded(this.#phones);
    for (const phone of this.#phones) {
      const received = [...phone.mail.values()].filter((mail) => mail.subject === subject).length;
      if (received !== 1) throw new Error(`${phone.user} has the mail ${received} times`);
    }
  }

  async #pollsEnded(phones: readonly (Phone | undefined)[]): Promise<void> {
    const polls = phones.flatMap((phone) => (phone && this.#polls.get(phone)) ?? []);
    const deadline = sleep(DEADLINE_MS, 'late' as const, { ref: false });
    if ((await Promise.race([Promise.all(polls), deadline])) === 'late') {
      throw new Error('a poll did not end in time');
    }
  }

  #openPolls(): number {
    return this.#polls.size;
  }

  #expectOpen(count: number): void {
    if (this.#openPolls() !== count) throw new Error(`${count - this.#openPolls()} polls ended`);
  }

  async #reloads(): Promise<number> {
    const text = await (await fetch(`${this.#stage.urls.metrics}/metrics`)).text();
    const line = text
      .split('\n')
      .find((each) => each.startsWith('sentry_snapshot_reloads_total') && each.includes(`result="accepted"`));
    return Number(line?.split(' ').at(-1) ?? 0);
  }

  async #servedFingerprint(): Promise<string> {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(new URL(this.#stage.urls.gateway).port),
      servername: HOSTNAME,
      rejectUnauthorized: false,
    });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('it did not happen in time');
    await sleep(10);
  }
}

function milliseconds(started: number): number {
  return Math.round(performance.now() - started);
}
