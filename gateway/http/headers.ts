// A list of header lines: order, duplicates, case of the names and the bytes of the values are kept.

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible bytes, with blanks and tabs only between them (other white space of Unicode is visible here). */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;

/**
 * Header lines as name, value, name, value, … Values are latin1 strings: one character is one byte of the wire.
 * Names are looked up in lower case. A parsed list holds end-to-end fields only (RFC 9110, 7.6.1).
 */
export class HeaderList {
  /** Names at even, values at odd places. Read it; change it through the methods, which check the grammar. */
  readonly lines: string[] = [];

  /** Makes a list of `[name, value]` pairs; throws a TypeError where one breaks the grammar of RFC 9110, 5. */
  static of(...pairs: readonly (readonly [name: string, value: string])[]): HeaderList {
    const list = new HeaderList();
    for (const [name, value] of pairs) list.append(name, value);
    return list;
  }

  /** The value of the first line of this name (in lower case), or undefined. */
  get(lowerName: string): string | undefined {
    const index = this.indexOf(lowerName, 0);
    return index < 0 ? undefined : this.lines[index + 1];
  }

  has(lowerName: string): boolean {
    return this.indexOf(lowerName, 0) >= 0;
  }

  /** The values of all lines of this name (in lower case), in order. */
  getAll(lowerName: string): string[] {
    const values: string[] = [];
    for (let i = this.indexOf(lowerName, 0); i >= 0; i = this.indexOf(lowerName, i + 2)) {
      values.push(this.lines[i + 1] as string);
    }
    return values;
  }

  /** Adds a line at the end. Throws a TypeError if name or value break the grammar: no line can be smuggled in. */
  append(name: string, value: string): this {
    checkLine(name, value);
    this.lines.push(name, value);
    return this;
  }

  /** Replaces all lines of this name (any case) by one, in the place of the first, else at the end. */
  set(name: string, value: string): this {
    checkLine(name, value);
    const lowerName = name.toLowerCase();
    const index = this.indexOf(lowerName, 0);
    if (index < 0) {
      this.lines.push(name, value);
      return this;
    }
    this.lines[index] = name;
    this.lines[index + 1] = value;
    this.removeFrom(lowerName, index + 2);
    return this;
  }

  /** Changes the values of all lines of this name (in lower case), each in its place. Throws a TypeError like `append`. */
  change(lowerName: string, toValue: (value: string) => string): void {
    for (let i = this.indexOf(lowerName, 0); i >= 0; i = this.indexOf(lowerName, i + 2)) {
      const value = toValue(this.lines[i + 1] as string);
      checkLine(this.lines[i] as string, value);
      this.lines[i + 1] = value;
    }
  }

  /** Removes all lines of this name (in lower case) and says how many there were. */
  remove(lowerName: string): number {
    return this.removeFrom(lowerName, 0);
  }

  /** Removes the lines for which `refuse(lower-case name, value)` is true. */
  removeWhere(refuse: (lowerName: string, value: string) => boolean): void {
    let kept = 0;
    for (let i = 0; i < this.lines.length; i += 2) {
      const name = this.lines[i] as string;
      const value = this.lines[i + 1] as string;
      if (refuse(name.toLowerCase(), value)) continue;
      this.lines[kept++] = name;
      this.lines[kept++] = value;
    }
    this.lines.length = kept;
  }

  clone(): HeaderList {
    const copy = new HeaderList();
    for (const text of this.lines) copy.lines.push(text);
    return copy;
  }

  private removeFrom(lowerName: string, start: number): number {
    let index = this.indexOf(lowerName, start);
    let removed = 0;
    while (index >= 0) {
      this.lines.splice(index, 2);
      removed++;
      index = this.indexOf(lowerName, index);
    }
    return removed;
  }

  private indexOf(lowerName: string, start: number): number {
    const { lines } = this;
    const { length } = lowerName;
    for (let i = start; i < lines.length; i += 2) {
      const name = lines[i] as string;
      if (name.length === length && (name === lowerName || name.toLowerCase() === lowerName)) return i;
    }
    return -1;
  }
}

function checkLine(name: string, value: string): void {
  if (!TOKEN.test(name)) throw new TypeError('header name is not a token');
  if (!VALUE.test(value)) {
    throw new TypeError(`value of header ${name} must be latin1 without control characters or outer spaces`);
  }
}
