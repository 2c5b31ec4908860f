// Decides when a key or a certificate is made anew: ordered chains of `(input) → (reason, message)`, pure.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyPair } from '../translate/types.ts';

/** Why something is made anew: a PascalCase reason and a sentence for the log. */
export interface Reissue {
  readonly reason: ReissueReason;
  readonly message: string;
}

export type ReissueReason =
  | 'Missing'
  | 'Unreadable'
  | 'KeyMismatch'
  | 'AuthorityChanged'
  | 'NamesChanged'
  | 'NotYetValid'
  | 'Expired'
  | 'RenewalDue';

export type Policy<Input> = (input: Input) => Reissue | undefined;

/** The reason of the first policy that has one, in the order given; undefined when everything may stay. */
export function firstReissue<Input>(policies: readonly Policy<Input>[], input: Input): Reissue | undefined {
  for (const policy of policies) {
    const reissue = policy(input);
    if (reissue !== undefined) return reissue;
  }
  return undefined;
}

/** A certificate with its key as they were found in the store. */
export interface PairInput {
  readonly pair: Partial<KeyPair> | undefined;
  readonly now: Date;
}

export interface LeafInput extends PairInput {
  /** PEM of the authority that signs leaves now. */
  readonly authority: string;
  /** The DNS names that it must carry, in any order; empty for a client's certificate. */
  readonly hostnames: readonly string[];
}

/** The date from which a certificate is to be replaced: after two thirds of its life. */
export function renewalDate(certificate: X509Certificate): Date {
  const { validFromDate: from, validToDate: to } = certificate;
  return new Date(from.getTime() + ((to.getTime() - from.getTime()) * 2) / 3);
}

/** The certificate and key as objects; undefined when one of them is missing or cannot be read. */
export function readPair(pair: Partial<KeyPair> | undefined) {
  if (pair?.certificate === undefined || pair.key === undefined) return undefined;
  try {
    return { certificate: new X509Certificate(pair.certificate), key: createPrivateKey(pair.key) };
  } catch {
    return undefined;
  }
}

const missing: Policy<PairInput> = ({ pair }) =>
  pair?.certificate === undefined || pair.key === undefined
    ? { reason: 'Missing', message: 'there is no certificate with its key yet' }
    : undefined;

const unreadable: Policy<PairInput> = ({ pair }) =>
  readPair(pair) === undefined
    ? { reason: 'Unreadable', message: 'the stored certificate or its key cannot be read' }
    : undefined;

const keyMismatch: Policy<PairInput> = ({ pair }) => {
  const read = readPair(pair);
  return read !== undefined && !read.certificate.checkPrivateKey(read.key)
    ? { reason: 'KeyMismatch', message: 'the stored key is not the key of the stored certificate' }
    : undefined;
};

const authorityChanged: Policy<LeafInput> = ({ pair, authority }) => {
  const leaf = readPair(pair)?.certificate;
  const issuer = new X509Certificate(authority);
  return leaf !== undefined && !(leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey))
    ? { reason: 'AuthorityChanged', message: 'the certificate was signed by an authority that was replaced' }
    : undefined;
};

const namesChanged: Policy<LeafInput> = ({ pair, hostnames }) => {
  const leaf = readPair(pair)?.certificate;
  if (leaf === undefined) return undefined;
  const present = dnsNames(leaf);
  const wanted = [...new Set(hostnames)].toSorted();
  return present.join() === wanted.join()
    ? undefined
    : { reason: 'NamesChanged', message: `the host names changed from ${list(present)} to ${list(wanted)}` };
};

/** A clock that is wrong at boot must not replace anything: the authority has to be valid already. */
const notYetValid: Policy<LeafInput> = ({ pair, now, authority }) => {
  const from = readPair(pair)?.certificate.validFromDate;
  const authorityValid = new X509Certificate(authority).validFromDate <= now;
  return from !== undefined && now < from && authorityValid
    ? { reason: 'NotYetValid', message: `the certificate is valid only from ${from.toISOString()}` }
    : undefined;
};

const expired: Policy<PairInput> = ({ pair, now }) => {
  const to = readPair(pair)?.certificate.validToDate;
  return to !== undefined && now >= to
    ? { reason: 'Expired', message: `the certificate expired at ${to.toISOString()}` }
    : undefined;
};

const renewalDue: Policy<PairInput> = ({ pair, now }) => {
  const certificate = readPair(pair)?.certificate;
  return certificate !== undefined && now >= renewalDate(certificate)
    ? { reason: 'RenewalDue', message: 'two thirds of the life of the certificate have passed' }
    : undefined;
};

/** When a leaf is issued anew, in this order. */
export const leafPolicies: readonly Policy<LeafInput>[] = [
  missing,
  unreadable,
  keyMismatch,
  authorityChanged,
  namesChanged,
  notYetValid,
  expired,
  renewalDue,
];

/** When an authority is replaced at once, without an overlap: it cannot sign anything that anybody accepts. */
export const authorityPolicies: readonly Policy<PairInput>[] = [missing, unreadable, keyMismatch, expired];

/** When the successor of a working authority is made and published beside it. */
export const successorPolicies: readonly Policy<PairInput>[] = [renewalDue];

/** A key of session tickets, which has no certificate: its age is all that counts. */
export interface TicketKeyInput {
  /** Undefined where there is none. */
  readonly createdAt: Date | undefined;
  readonly lifetimeMs: number;
  readonly now: Date;
}

/**
 * When the key of session tickets is replaced. One from the future was made by a clock that was wrong: it would be used for
 * as long as the clock was ahead.
 */
export const ticketKeyPolicies: readonly Policy<TicketKeyInput>[] = [
  ({ createdAt }) =>
    createdAt === undefined ? { reason: 'Missing', message: 'there is no ticket key yet' } : undefined,
  ({ createdAt, lifetimeMs, now }) =>
    createdAt !== undefined && Math.abs(now.getTime() - createdAt.getTime()) >= lifetimeMs
      ? { reason: 'RenewalDue', message: `it was made at ${createdAt.toISOString()}` }
      : undefined,
];

function dnsNames(certificate: X509Certificate): string[] {
  const names = certificate.subjectAltName?.split(', ') ?? [];
  return names.map((name) => name.replace(/^DNS:/, '')).toSorted();
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
