// Looks into application/x-www-form-urlencoded text without changing a byte of it, but for the one value that is replaced.

/** A parameter, with the place of its encoded value in the text. */
interface Parameter {
  /** Decoded, lower case: some identity providers do not tell cases apart. */
  readonly name: string;
  readonly value: string;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** A query or a form body. Text is latin1: one character is one byte. */
export class Form {
  readonly text: string;
  private readonly parameters: readonly Parameter[];

  constructor(text: string) {
    this.text = text;
    this.parameters = parse(text);
  }

  /** How often a parameter (lower-case name) occurs. */
  count(name: string): number {
    return this.parameters.filter((parameter) => parameter.name === name).length;
  }

  /** The decoded value of the first parameter of this name, or undefined. */
  get(name: string): string | undefined {
    return this.parameters.find((parameter) => parameter.name === name)?.value;
  }

  /** The text with the value of the first parameter of this name replaced; every other byte stays. */
  replaceValue(name: string, value: string): string {
    const parameter = this.parameters.find((candidate) => candidate.name === name);
    if (parameter === undefined) return this.text;
    const { valueStart, valueEnd } = parameter;
    const separator = this.text[valueStart - 1] === '=' ? '' : '=';
    return this.text.slice(0, valueStart) + separator + encodeURIComponent(value) + this.text.slice(valueEnd);
  }
}

function parse(text: string): Parameter[] {
  const parameters: Parameter[] = [];
  for (let start = 0; start <= text.length;) {
    const ampersand = text.indexOf('&', start);
    const end = ampersand < 0 ? text.length : ampersand;
    const equals = text.indexOf('=', start);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    const valueStart = Math.min(nameEnd + 1, end);
    parameters.push({
      name: decode(text.slice(start, nameEnd)).toLowerCase(),
      value: decode(text.slice(valueStart, end)),
      valueStart,
      valueEnd: end,
    });
    start = end + 1;
  }
  return parameters;
}

/** Bytes of the value as latin1; a `%` without two hex digits stands for itself. */
function decode(encoded: string): string {
  return encoded
    .replaceAll('+', ' ')
    .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}
