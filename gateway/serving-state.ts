// What this process serves and whether it is ready: the source of /readyz, /report and the gauges.
import type { DecodedSnapshot } from './config/files.ts';
import type { GatewayReport } from './config/report.ts';
import type { Snapshot } from './config/snapshot.ts';
import type { StepOut } from './step-out.ts';

/** What others count. */
type Observed = Pick<
  GatewayReport,
  'openConnections' | 'openPolls' | 'devicesSeen' | 'devicesByVersion' | 'servers' | 'redirects'
>;

export interface ServingStateOptions {
  readonly build: string;
  readonly stepOut: StepOut;
  readonly observe: () => Observed;
  /** The operator has told this gateway to step out, and why; null: no longer. */
  readonly onStepOut: (reason: string | null) => void;
  readonly now?: () => Date;
}

export class ServingState {
  private readonly options: ServingStateOptions;
  private readonly now: () => Date;
  private readonly startedAt: string;
  private serving: DecodedSnapshot | null = null;
  private refused: GatewayReport['refused'] = null;
  private draining = false;
  private isOut = false;

  constructor(options: ServingStateOptions) {
    this.options = options;
    this.now = options.now ?? (() => new Date());
    this.startedAt = this.now().toISOString();
  }

  /** The snapshot that is served, null before the first. */
  get snapshot(): Snapshot | null {
    return this.serving?.snapshot ?? null;
  }

  /** Hash of the snapshot that is served, null before the first. */
  get hash(): string | null {
    return this.serving?.hash ?? null;
  }

  /** A snapshot is served from now on. One from the fallback leaves standing why the current one was refused. */
  serve(decoded: DecodedSnapshot, from: 'current' | 'fallback'): void {
    this.serving = decoded;
    if (from === 'current') this.refused = null;
  }

  refuse(hash: string, message: string): void {
    this.refused = { hash, message, at: this.now().toISOString() };
  }

  drain(): void {
    this.draining = true;
  }

  /** Why phones are not to be sent here, or null when they are. */
  async unready(): Promise<string | null> {
    if (this.serving === null) return 'no snapshot yet';
    if (this.draining) return 'draining';
    const { stepOut, onStepOut } = this.options;
    const reason = await stepOut.reason();
    if (this.isOut !== (reason !== null)) {
      this.isOut = reason !== null;
      onStepOut(reason);
    }
    return reason === null ? null : `stepped out: ${reason}`;
  }

  async report(): Promise<GatewayReport> {
    const { serving, refused, draining, startedAt } = this;
    return {
      build: this.options.build,
      startedAt,
      now: this.now().toISOString(),
      ready: (await this.unready()) === null,
      draining,
      snapshot:
        serving === null
          ? null
          : { version: serving.version, generation: serving.generation, hash: serving.hash },
      refused,
      ...this.options.observe(),
    };
  }
}
