// Phones under which an event takes place: open polls, kept connections, new connections all the time; and what they lost.
//
//   await using traffic = await Traffic.start(setup, { name: 'rolling-update' });   // 56 phones, ≥ 20 open polls, ~ 120 requests/s
//   … the event …
//   await traffic.answered(300);              // the load goes on for 300 more requests
//   expect(await traffic.finish()).toMatchObject(nothingLost);
//
// `setup` must be Ready. `finish` prints one line: "behaviour rolling-update: 1893 requests, 0 lost, 0 answers 503, …".
// `traffic.figures` has the counts so far, for an event of several phases.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Item } from '../../peers/exchange/mailbox.ts';
import type { HttpConnection } from '../../peers/phone/http-connection.ts';
import type { Phone } from '../../peers/phone/phone.ts';
import { pushLoop } from '../../peers/phone/push-loop.ts';
import { Report } from '../../peers/phone/report.ts';
import { eventually, type MailSetup } from '../mail-setup.ts';
import { newcomer, Outbox, regular, signIn, visitAgainAndAgain } from './visits.ts';

export interface TrafficOptions {
  /** Name of the behaviour, for its line. */
  readonly name: string;
  /** Phones with a poll open all the time, half of them by Ping, half by Sync; default 24. */
  readonly polling?: number;
  /** Phones that come about four times a second on the connection that they have; default 20. */
  readonly regular?: number;
  /** Phones that come about three times a second, each time on a new connection; default 12. */
  readonly newcomers?: number;
  /** Milliseconds between two mails that are delivered, to one polling phone after the other; default 250. */
  readonly mailEveryMilliseconds?: number;
  /** How long a second of Retry-After and of back-off lasts in real seconds; default 0.1. */
  readonly timeScale?: number;
}

export interface Figures {
  /** Requests that were sent while the load ran, whatever became of them. */
  readonly requests: number;
  /** Connection errors, wrong answers, mail missing or twice (either way). */
  readonly lost: number;
  /** Answers 503 with Retry-After: counted apart, not lost. */
  readonly unavailable: number;
}

export interface TrafficReport extends Figures {
  readonly name: string;
  /** From the start of the load to its end. */
  readonly seconds: number;
  /** By `<command>: <what happened>`. */
  readonly lostReasons: Readonly<Record<string, number>>;
  /** Mail that was delivered to phones with open polls, and that phones have sent. */
  readonly mail: { readonly delivered: number; readonly sent: number };
  readonly connections: number;
  readonly signIns: number;
  /** Breaches of ActiveSync or HTTP that Exchange has seen, a sentence for each kind. */
  readonly violations: readonly string[];
}

/** What a planned event must show: `expect(report).toMatchObject(nothingLost)`. */
export const nothingLost = { lost: 0, unavailable: 0, violations: [] } as const;

const fewestRequests = 500;
const fewestPolls = 20;
const password = 'secret';

/** A running load; `await using` ends it when a test fails half-way. */
export class Traffic implements AsyncDisposable {
  readonly name: string;
  readonly report = new Report();
  /** The phones whose polls are open. */
  readonly polling: readonly Phone[];
  readonly #setup: MailSetup;
  readonly #options: Required<TrafficOptions>;
  readonly #others: readonly { readonly kind: 'regular' | 'newcomer'; readonly phone: Phone }[];
  /** Sign-ins are no requests of the count, for one hop of each goes to the identity provider. */
  readonly #signInReport = new Report();
  readonly #outbox = new Outbox();
  readonly #delivered: { readonly phone: Phone; readonly item: Item }[] = [];
  readonly #keptConnections = new Set<HttpConnection>();
  readonly #ending = new AbortController();
  readonly #abort = new AbortController();
  readonly #visits: Promise<void>[] = [];
  readonly #polls: Promise<void>[] = [];
  #delivery: Promise<void> = Promise.resolve();
  #before: Figures & { readonly connections: number } = {
    requests: 0,
    lost: 0,
    unavailable: 0,
    connections: 0,
  };
  #started = 0;

  private constructor(setup: MailSetup, options: Required<TrafficOptions>) {
    this.name = options.name;
    this.#setup = setup;
    this.#options = options;
    this.polling = Array.from({ length: options.polling }, (_, at) => this.#phone(`polling${at}`));
    this.#others = [
      ...Array.from({ length: options.regular }, (_, at) => ({
        kind: 'regular' as const,
        phone: this.#phone(`regular${at}`),
      })),
      ...Array.from({ length: options.newcomers }, (_, at) => ({
        kind: 'newcomer' as const,
        phone: this.#phone(`newcomer${at}`, false),
      })),
    ];
  }

  /**
   * Sets all phones up and starts the load; resolves once 20 polls are open.
   *
   * @throws {Error} when a phone loses anything before the load runs
   */
  static async start(setup: MailSetup, options: TrafficOptions): Promise<Traffic> {
    const traffic = new Traffic(setup, {
      polling: 24,
      regular: 20,
      newcomers: 12,
      mailEveryMilliseconds: 250,
      timeScale: 0.1,
      ...options,
    });
    try {
      await traffic.#setUp();
      await traffic.#run();
    } catch (error) {
      await traffic[Symbol.asyncDispose]();
      throw error;
    }
    return traffic;
  }

  /** What was counted since the load runs. */
  get figures(): Figures {
    const all = this.report.summary();
    const signIns = this.#signInReport.summary();
    return {
      requests: all.requests - this.#before.requests,
      lost: all.lost + signIns.lost,
      unavailable: all.unavailable + signIns.unavailable,
    };
  }

  /** The open connections of phones that keep theirs: those with polls, and the regular ones. */
  get keptConnections(): readonly HttpConnection[] {
    return [...this.#keptConnections].filter(({ closed }) => !closed);
  }

  /** Resolves after so many further requests. @throws {Error} when they take more than a minute */
  async answered(requests: number): Promise<void> {
    const target = this.figures.requests + requests;
    await eventually(`${requests} further requests`, () => this.figures.requests >= target);
  }

  /**
   * Ends the load, which goes on until there were 500 requests: no visit is cut off, and all mail that was delivered has
   * arrived or counts as missing. Prints the behaviour's line.
   *
   * @throws {Error} when there were fewer than 500 requests a minute later
   */
  async finish(): Promise<TrafficReport> {
    await eventually(
      `${fewestRequests} requests, for fewer say nothing`,
      () => this.figures.requests >= fewestRequests,
    );
    this.#ending.abort();
    await this.#delivery;
    await this.#endVisits();
    await this.#checkMail();
    const report = this.#reportOf((performance.now() - this.#started) / 1000);
    await this[Symbol.asyncDispose]();
    console.log(lineOf(report));
    return report;
  }

  /** Ends everything at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    this.#abort.abort(new Error('the load was ended'));
    for (const phone of this.#phones) phone.close();
    await Promise.all([this.#delivery, ...this.#visits, ...this.#polls]);
  }

  get #phones(): Phone[] {
    return [...this.polling, ...this.#others.map(({ phone }) => phone)];
  }

  #phone(name: string, keepsConnection = true): Phone {
    const user = `${name}@example.com`;
    this.#setup.exchange.organisation.addUser({ name: user, password });
    return this.#setup.phone(user, 'Basic', {
      report: this.report,
      onConnection: (connection) => {
        if (keepsConnection) this.#keptConnections.add(connection);
      },
    });
  }

  async #setUp(): Promise<void> {
    const waiting = this.#phones;
    const worker = async (): Promise<void> => {
      for (let phone = waiting.pop(); phone; phone = waiting.pop()) {
        await phone.folderSync();
        await phone.sync();
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    const { requests, lost, lostReasons, unavailable, connections } = this.report.summary();
    if (lost + unavailable > 0)
      throw new Error(`before the load: ${unavailable} answers 503, lost ${JSON.stringify(lostReasons)}`);
    this.#before = { requests, lost, unavailable, connections };
  }

  async #run(): Promise<void> {
    const { timeScale } = this.#options;
    this.#started = performance.now();
    for (const [at, phone] of this.polling.entries()) {
      const mode = at % 2 === 0 ? 'ping' : 'sync';
      this.#polls.push(pushLoop(phone, { signal: this.#abort.signal, mode, timeScale }));
    }
    const { journal } = this.#setup.exchange.organisation;
    await journal.until(({ openPolls }) => openPolls.length >= fewestPolls, AbortSignal.timeout(30_000));
    const options = { ending: this.#ending.signal, abort: this.#abort.signal, timeScale };
    for (const { kind, phone } of this.#others) {
      const visit = kind === 'regular' ? regular(phone, this.#outbox) : newcomer(phone);
      const everyMilliseconds = kind === 'regular' ? 250 : 330;
      this.#visits.push(visitAgainAndAgain(visit, { ...options, everyMilliseconds }));
    }
    const newAccount = (): Phone =>
      this.#setup.phone('alice@example.com', 'OAuth', { report: this.#signInReport });
    const visit = signIn(newAccount, this.#abort.signal);
    this.#visits.push(visitAgainAndAgain(visit, { ...options, everyMilliseconds: 1000 }));
    this.#delivery = this.#deliver();
  }

  async #deliver(): Promise<void> {
    const { signal } = this.#ending;
    for (let count = 0; !signal.aborted; count += 1) {
      const phone = this.polling[count % this.polling.length];
      if (phone === undefined) return;
      const subject = `mail ${count} of ${this.name}`;
      this.#delivered.push({
        phone,
        item: this.#setup.exchange.organisation.deliver(phone.user, { subject }),
      });
      await sleep(this.#options.mailEveryMilliseconds, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Lets the visits under way come to their end; one that is not answered in 20 s is lost. */
  async #endVisits(): Promise<void> {
    let unanswered = this.#visits.length;
    const ended = this.#visits.map((visit) =>
      visit.finally(() => {
        unanswered -= 1;
      }),
    );
    await Promise.race([Promise.all(ended), sleep(20_000, undefined, { ref: false })]);
    for (let count = 0; count < unanswered; count += 1) this.report.lost('visit', 'no answer in 20 s');
  }

  /** Counts mail that did not arrive within 30 s, and sent mail that Exchange has not got exactly once. */
  async #checkMail(): Promise<void> {
    const missing = (): number =>
      this.#delivered.filter(({ phone, item }) => !phone.mail.has(item.serverId)).length;
    const deadline = performance.now() + 30_000;
    while (missing() > 0 && performance.now() < deadline) await sleep(50);
    for (let count = missing(); count > 0; count -= 1) this.report.mailMissing();

    const { sentMail } = this.#setup.exchange.organisation.journal;
    const arrived = new Set(sentMail.map(({ messageId }) => messageId));
    for (const messageId of this.#outbox.accepted)
      if (!arrived.has(messageId)) this.report.lost('SendMail', 'mail missing');
    for (const { duplicate } of sentMail) if (duplicate) this.report.lost('SendMail', 'mail twice');
  }

  #reportOf(seconds: number): TrafficReport {
    const { lostReasons, mailSent, connections } = this.report.summary();
    const signIns = this.#signInReport.summary();
    return {
      name: this.name,
      ...this.figures,
      seconds: Math.round(seconds * 10) / 10,
      lostReasons: { ...lostReasons, ...signIns.lostReasons },
      mail: { delivered: this.#delivered.length, sent: mailSent },
      connections: connections - this.#before.connections,
      signIns: signIns.signIns,
      violations: [
        ...new Set(this.#setup.exchange.violations.map(({ rule, message }) => `${rule}: ${message}`)),
      ],
    };
  }
}

/** The one line of a behaviour. */
function lineOf(report: TrafficReport): string {
  const { name, requests, lost, unavailable, lostReasons, mail, connections, signIns, seconds } = report;
  const reasons = lost === 0 ? '' : ` ${JSON.stringify(lostReasons)}`;
  return (
    `behaviour ${name}: ${requests} requests, ${lost} lost, ${unavailable} answers 503, ` +
    `${mail.delivered} mails in, ${mail.sent} out, ${connections} connections, ${signIns} sign-ins, ${seconds} s${reasons}`
  );
}
