// The simulated Exchange as tests and the demonstration start it: one organisation behind several front ends.
import { CertificateAuthority } from '../certificates.ts';
import type { Violation } from './journal.ts';
import { FrontEnd } from './front-end.ts';
import { Organisation, type OrganisationOptions } from './organisation.ts';

export interface ExchangeOptions extends OrganisationOptions {
  readonly authority: CertificateAuthority;
  /** Name → port; default one front end `mbx1` on a port of the system's choice. */
  readonly frontEnds?: Readonly<Record<string, number>>;
  /** Names by which clients may address the front ends; default localhost and 127.0.0.1. */
  readonly hostnames?: readonly string[];
  readonly address?: string;
}

/** A running Exchange; `using` closes it. */
export class Exchange implements Disposable {
  readonly organisation: Organisation;
  readonly frontEnds: ReadonlyMap<string, FrontEnd>;

  private constructor(organisation: Organisation, frontEnds: readonly FrontEnd[]) {
    this.organisation = organisation;
    this.frontEnds = new Map(frontEnds.map((frontEnd) => [frontEnd.name, frontEnd]));
  }

  /** Starts all front ends and resolves once they listen. */
  static async start(options: ExchangeOptions): Promise<Exchange> {
    const { authority, frontEnds = { mbx1: 0 }, hostnames = ['localhost', '127.0.0.1'], address } = options;
    const organisation = new Organisation(options);
    const credentials = await authority.issue({ names: hostnames });
    const attempts = await Promise.allSettled(
      Object.entries(frontEnds).map(([name, port]) =>
        FrontEnd.start({ organisation, name, credentials, hostnames, port, address }),
      ),
    );
    const started = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
    const failed = attempts.find((attempt) => attempt.status === 'rejected');
    if (failed) {
      for (const frontEnd of started) frontEnd.close();
      throw failed.reason;
    }
    return new Exchange(organisation, started);
  }

  /**
   * A front end by name, or the first.
   *
   * @throws {RangeError} when there is none of that name
   */
  frontEnd(name?: string): FrontEnd {
    const found = name === undefined ? [...this.frontEnds.values()][0] : this.frontEnds.get(name);
    if (!found)
      throw new RangeError(`no front end ${name}: there are ${[...this.frontEnds.keys()].join(', ')}`);
    return found;
  }

  get violations(): readonly Violation[] {
    return this.organisation.journal.violations;
  }

  close(): void {
    for (const frontEnd of this.frontEnds.values()) frontEnd.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
