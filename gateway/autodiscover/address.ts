// A mail address as Autodiscover is asked for it.

export interface MailAddress {
  /** As it was written. */
  readonly text: string;
  readonly local: string;
  /** In lower case. */
  readonly domain: string;
}

const ADDRESS = /^([^\s@]{1,64})@([^\s@/?#\\]{1,253})$/u;
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\x00-\x1f\x7f]/;

/** Reads a mail address; undefined where the text is none. */
export function parseAddress(text: string): MailAddress | undefined {
  const trimmed = text.trim();
  const [, local, domain] = CONTROL.test(trimmed) ? [] : (ADDRESS.exec(trimmed) ?? []);
  if (local === undefined || domain === undefined) return undefined;
  return { text: trimmed, local, domain: domain.toLowerCase() };
}
