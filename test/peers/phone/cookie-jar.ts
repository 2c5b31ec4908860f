// The cookies of one phone (RFC 6265, as far as Exchange uses them: name, value, expiry).

export class CookieJar {
  readonly #cookies = new Map<string, string>();

  /** Takes the values of all Set-Cookie lines of an answer. */
  store(lines: readonly string[], now = Date.now()): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';');
      const at = pair.indexOf('=');
      if (at <= 0) continue;
      const name = pair.slice(0, at).trim();
      if (isExpired(attributes, now)) this.#cookies.delete(name);
      else this.#cookies.set(name, pair.slice(at + 1).trim());
    }
  }

  /** The value of the Cookie header; undefined without cookies. */
  get header(): string | undefined {
    if (this.#cookies.size === 0) return undefined;
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

function isExpired(attributes: readonly string[], now: number): boolean {
  for (const attribute of attributes) {
    const [name = '', value = ''] = attribute.trim().split('=');
    if (name.toLowerCase() === 'max-age') return Number(value) <= 0;
    if (name.toLowerCase() === 'expires') return Date.parse(value) <= now;
  }
  return false;
}
