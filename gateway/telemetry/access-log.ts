// One line for each finished request, or for some of them: who is hashed, what was said is never in it.
import { hash, hkdfSync } from 'node:crypto';
import type { Logger } from 'pino';
import type { Snapshot, SnapshotFiles } from '../config/snapshot.ts';
import { commandLabel, methodLabel, versionLabel } from './labels.ts';
import type { RequestRecord } from './request-record.ts';

/** Hex digits of a hashed identifier: enough to tell users apart. Cut off, a plain hash behind a secret salt is as good as an HMAC. */
const HASH_DIGITS = 16;

/** Writes access lines to `log` as the snapshot's `logging` says. */
export class AccessLog {
  private readonly log: Logger;
  private readonly random: () => number;
  private options: Snapshot['logging'] = { access: 'Errors', samplePercent: 1, identifiers: 'Hashed' };
  private salt = '';

  /** @param random numbers from 0 to below 1: which lines are sampled. */
  constructor(log: Logger, random: () => number = Math.random) {
    this.log = log;
    this.random = random;
  }

  /** Takes options and salt of a snapshot: replicas that share its ticket key give one user the same hash. */
  configure({ logging, ticketKeyFile }: Snapshot, files: SnapshotFiles): void {
    this.options = logging;
    const secret = files.get(ticketKeyFile) ?? Buffer.alloc(0);
    this.salt = Buffer.from(hkdfSync('sha256', secret, '', 'sentry access log identifiers', 32)).toString(
      'hex',
    );
  }

  write(record: RequestRecord): void {
    if (!this.wants(record)) return;
    this.log.info(
      {
        listener: record.listener,
        method: methodLabel(record.method),
        command: commandLabel(record.command, record.method),
        version: versionLabel(record.version),
        code: record.code,
        route: record.route,
        server: record.server,
        reason: record.reason,
        firstByteMillis: round(record.firstByteMillis),
        durationMillis: round(record.durationMillis),
        bytesIn: record.bytesIn,
        bytesOut: record.bytesOut,
        poll: record.poll,
        heartbeatSeconds: record.heartbeatSeconds,
        replays: record.replays,
        identityMismatch: record.identityMismatch,
        user: this.identifier(record.user),
        device: this.identifier(record.device),
        client: record.clientAddress,
      },
      'request',
    );
  }

  private wants(record: RequestRecord): boolean {
    const { access, samplePercent } = this.options;
    if (access === 'All' || isError(record)) return true;
    return access === 'Sampled' && this.random() * 100 < samplePercent;
  }

  private identifier(id: string): string {
    if (id === '' || this.options.identifiers === 'Plain') return id;
    return hash('sha256', this.salt + id.toLowerCase()).slice(0, HASH_DIGITS);
  }
}

/** A 401 asks for a sign-in, and a phone that leaves its poll has mail to send: both are everyday. */
function isError({ code, poll }: RequestRecord): boolean {
  return code === 0 ? !poll : code >= 400 && code !== 401;
}

function round(millis: number | null): number | null {
  return millis === null ? null : Math.round(millis * 10) / 10;
}
