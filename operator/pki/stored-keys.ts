// The keys of one gateway as the entries of a store.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyPair } from '../translate/types.ts';
import type { KeyEntries } from './key-store.ts';

/** 48 random bytes and when they were made. */
export interface TicketKey {
  readonly bytes: Buffer;
  readonly createdAt: Date;
}

/** A pair of which either half may be missing in the store. */
export type StoredPair = Partial<KeyPair>;

export interface StoredKeys {
  /** Signs leaves now. */
  readonly authority: StoredPair | undefined;
  /** Published already, signs later. */
  readonly successor: KeyPair | undefined;
  /** Certificates of authorities that signed before, newest first. */
  readonly predecessors: readonly string[];
  /** By listener name. */
  readonly listeners: Readonly<Record<string, StoredPair>>;
  readonly admin: StoredPair | undefined;
  readonly operator: StoredPair | undefined;
  readonly ticketKey: TicketKey | undefined;
}

const certificateBlock = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----\n?/g;

/**
 * Reads the entries of a store. Whatever is missing or cannot be read is left out: the policies judge that. Which
 * certificate of `ca.crt` signs is told by the key that fits, never by its place: so a crash between two writes of a
 * rotation leaves a working authority.
 */
export function readStoredKeys(entries: KeyEntries): StoredKeys {
  const bundle = (entries.get('ca.crt') ?? '').match(certificateBlock) ?? [];
  const successor = matchAuthority(bundle, entries.get('ca-next.key'));
  const authority =
    matchAuthority(bundle, entries.get('ca.key')) ??
    storedPair(
      bundle.find((pem) => pem !== successor?.certificate),
      entries.get('ca.key'),
    );
  const isSuccessor = successor !== undefined && successor.certificate !== authority?.certificate;
  return {
    authority,
    successor: isSuccessor ? successor : undefined,
    predecessors: bundle.filter((pem) => pem !== authority?.certificate && pem !== successor?.certificate),
    listeners: readListeners(entries),
    admin: storedPair(entries.get('admin.crt'), entries.get('admin.key')),
    operator: storedPair(entries.get('operator.crt'), entries.get('operator.key')),
    ticketKey: readTicketKey(entries.get('ticket-key.json')),
  };
}

/** The entries that hold these keys; certificates before their keys. */
export function writeStoredKeys(keys: StoredKeys): KeyEntries {
  const entries = new Map<string, string>();
  const add = (name: string, text: string | undefined) => {
    if (text !== undefined) entries.set(name, text);
  };
  add('ca.crt', publishedAuthorities(keys));
  add('ca.key', keys.authority?.key);
  add('ca-next.key', keys.successor?.key);
  for (const [name, pair] of Object.entries(keys.listeners)) {
    add(`listener-${name}.crt`, pair.certificate);
    add(`listener-${name}.key`, pair.key);
  }
  add('admin.crt', keys.admin?.certificate);
  add('admin.key', keys.admin?.key);
  add('operator.crt', keys.operator?.certificate);
  add('operator.key', keys.operator?.key);
  if (keys.ticketKey !== undefined) add('ticket-key.json', writeTicketKey(keys.ticketKey));
  return entries;
}

/** Every authority that a phone is to trust, the one that signs now first: PEM. */
export function publishedAuthorities(keys: StoredKeys): string {
  return [keys.authority?.certificate, keys.successor?.certificate, ...keys.predecessors].join('');
}

function readListeners(entries: KeyEntries): Record<string, StoredPair> {
  const listeners: Record<string, StoredPair> = {};
  for (const entry of entries.keys()) {
    const name = /^listener-(.+)\.(?:crt|key)$/.exec(entry)?.[1];
    if (name === undefined || listeners[name] !== undefined) continue;
    const pair = storedPair(entries.get(`listener-${name}.crt`), entries.get(`listener-${name}.key`));
    if (pair !== undefined) listeners[name] = pair;
  }
  return listeners;
}

function storedPair(certificate: string | undefined, key: string | undefined): StoredPair | undefined {
  if (certificate === undefined && key === undefined) return undefined;
  return { ...(certificate !== undefined && { certificate }), ...(key !== undefined && { key }) };
}

function matchAuthority(bundle: readonly string[], key: string | undefined): KeyPair | undefined {
  if (key === undefined) return undefined;
  const certificate = bundle.find((pem) => fits(pem, key));
  return certificate === undefined ? undefined : { certificate, key };
}

function fits(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function readTicketKey(text: string | undefined): TicketKey | undefined {
  if (text === undefined) return undefined;
  try {
    const { key, createdAt } = JSON.parse(text) as Record<string, unknown>;
    const bytes = Buffer.from(String(key), 'base64');
    const date = new Date(String(createdAt));
    return bytes.length === 48 && !Number.isNaN(date.getTime()) ? { bytes, createdAt: date } : undefined;
  } catch {
    return undefined;
  }
}

function writeTicketKey({ bytes, createdAt }: TicketKey): string {
  return `${JSON.stringify({ key: bytes.toString('base64'), createdAt: createdAt.toISOString() })}\n`;
}
