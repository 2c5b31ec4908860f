// Looks into application/x-www-form-urlencoded text without changing a byte of it, but for the one parameter that is replaced.

/** A parameter, with its place in the text. */
interface Parameter {
  /** Decoded, lower case: some identity providers do not tell cases apart. */
  readonly name: string;
  readonly value: string;
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

/** Clients send a dozen. More than this would cost time for nothing. */
export const MAX_PARAMETERS = 1000;

/** A query or a form body. Text is latin1: one character is one byte. */
export class Form {
  readonly text: string;
  private readonly parameters: readonly Parameter[];

  constructor(text: string) {
    this.text = text;
    this.parameters = parse(text);
  }

  /** True where there are more than `MAX_PARAMETERS`: those behind are not known. */
  get isTooLong(): boolean {
    return this.parameters.length > MAX_PARAMETERS;
  }

  /** How often a parameter (lower-case name) occurs. */
  count(name: string): number {
    return this.parameters.filter((parameter) => parameter.name === name).length;
  }

  /** The decoded value of the first parameter of this name, or undefined. */
  get(name: string): string | undefined {
    return this.find(name)?.value;
  }

  /** The value of the first parameter of this name as it stands in the text, or undefined. */
  encodedValue(name: string): string | undefined {
    const parameter = this.find(name);
    return parameter && this.text.slice(parameter.valueStart, parameter.end);
  }

  /** The text with the value of the first parameter of this name replaced by encoded text; every other byte stays. */
  replaceValue(name: string, encoded: string): string {
    const parameter = this.find(name);
    if (parameter === undefined) return this.text;
    const { valueStart, end } = parameter;
    const separator = this.text[valueStart - 1] === '=' ? '' : '=';
    return this.text.slice(0, valueStart) + separator + encoded + this.text.slice(end);
  }

  /** The text with the first parameter of this name, name and all, replaced by encoded text; every other byte stays. */
  replaceParameter(name: string, encoded: string): string {
    const parameter = this.find(name);
    if (parameter === undefined) return this.text;
    return this.text.slice(0, parameter.start) + encoded + this.text.slice(parameter.end);
  }

  private find(name: string): Parameter | undefined {
    return this.parameters.find((parameter) => parameter.name === name);
  }
}

function parse(text: string): Parameter[] {
  const parameters: Parameter[] = [];
  for (let start = 0; start <= text.length && parameters.length <= MAX_PARAMETERS;) {
    const ampersand = text.indexOf('&', start);
    const end = ampersand < 0 ? text.length : ampersand;
    const equals = text.slice(start, end).indexOf('=');
    const nameEnd = equals < 0 ? end : start + equals;
    const valueStart = Math.min(nameEnd + 1, end);
    parameters.push({
      name: decode(text.slice(start, nameEnd)).toLowerCase(),
      value: decode(text.slice(valueStart, end)),
      start,
      valueStart,
      end,
    });
    start = end + 1;
  }
  return parameters;
}

/** Bytes of encoded text as latin1; a `%` without two hex digits stands for itself. */
export function decode(encoded: string): string {
  if (!encoded.includes('%') && !encoded.includes('+')) return encoded;
  return encoded
    .replaceAll('+', ' ')
    .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}
