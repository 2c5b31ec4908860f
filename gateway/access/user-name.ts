// The names of users, however a client writes them.

/** A user as Exchange may be asked for him. All parts are lower case. */
export interface UserName {
  /** `local@domain`, or `local` where no domain is known: two spellings of one user are equal here. */
  readonly canonical: string;
  readonly local: string;
  /** DNS or NetBIOS name of the domain, or empty. */
  readonly domain: string;
}

const MAX_LENGTH = 320;
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\x00-\x1f\x7f]/;

/**
 * Reads a UPN (`ann@example.com`), a down-level name (`EXAMPLE\ann`) or a sAMAccountName (`ann`). Phones that were given no
 * domain write `\ann`, and some put a UPN behind the backslash: then the UPN counts.
 * @returns undefined where the text is none of these.
 */
export function parseUserName(text: string): UserName | undefined {
  if (text.length > MAX_LENGTH || CONTROL.test(text)) return undefined;
  const name = text.trim().normalize('NFC').toLowerCase();
  const backslash = name.indexOf('\\');
  const account = name.slice(backslash + 1);
  const at = account.lastIndexOf('@');
  const local = at < 0 ? account : account.slice(0, at);
  const domain = at < 0 ? name.slice(0, Math.max(backslash, 0)) : account.slice(at + 1);
  if (local === '' || local.includes('\\') || (at >= 0 && domain === '')) return undefined;
  return { canonical: domain === '' ? local : `${local}@${domain}`, local, domain };
}

/**
 * True where two names cannot be one user: the local parts differ, or both name a DNS domain and not the same. A NetBIOS
 * name says nothing about a DNS name.
 */
export function isOtherUser(a: UserName, b: UserName): boolean {
  if (a.local !== b.local) return true;
  return a.domain !== b.domain && a.domain.includes('.') && b.domain.includes('.');
}
