// What a name stands for, or why it stands for nothing.
import type { LookupAddress } from 'node:dns';

export interface Addresses {
  /** At least one; IPv4 before IPv6. */
  readonly addresses: readonly LookupAddress[];
  /** For how long they may be used without asking again, in ms. */
  readonly ttlMs: number;
}

/** Where names are looked up. Rejects with a {@link NameError} and nothing else. */
export interface NameSource {
  resolve(name: string): Promise<Addresses>;
}

const MESSAGES = {
  ENOTFOUND: 'does not resolve: no such name is known',
  EAI_AGAIN: 'cannot be resolved: the name servers do not answer, or fail',
} as const;

/** `ENOTFOUND`: there is no such name. `EAI_AGAIN`: nobody knows at the moment. The codes are those of Node's own look-ups. */
export class NameError extends Error {
  readonly code: keyof typeof MESSAGES;
  readonly hostname: string;

  constructor(code: keyof typeof MESSAGES, hostname: string) {
    super(`the name ${hostname} ${MESSAGES[code]}`);
    this.name = 'NameError';
    this.code = code;
    this.hostname = hostname;
  }
}
