// Classes of bytes in HTTP's grammar (RFC 9110, 5.6), as tables.

export const CR = 0x0d;
export const LF = 0x0a;

/** 1 for the bytes of a field value or a line: HTAB, SP, visible ASCII and obs-text; 0 for other controls. */
export const LINE_BYTE = table((byte) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f));

/** 1 for the bytes of a token. */
export const TOKEN_BYTE = table((byte) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte)));

/** 1 for visible ASCII without `#`: the bytes of a request target. */
export const TARGET_BYTE = table((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x23);

/** The value of a hexadecimal digit, 255 for every other byte. */
export const HEX_VALUE = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  HEX_VALUE[digit.charCodeAt(0)] = value;
  HEX_VALUE[digit.toUpperCase().charCodeAt(0)] = value;
}

/** True if every character from `start` to `end` is in the class, and there is at least one. */
export function allIn(classTable: Uint8Array, text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (classTable[text.charCodeAt(i)] !== 1) return false;
  return end > start;
}

function table(contains: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (contains(byte) ? 1 : 0));
}
