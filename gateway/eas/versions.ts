// The versions of the protocol (MS-ASHTTP 2.2.1.1.1.1 and 2.2.1.1.2.6).

const BY_BYTE: ReadonlyMap<number, string> = new Map([
  [121, '12.1'],
  [140, '14.0'],
  [141, '14.1'],
  [160, '16.0'],
  [161, '16.1'],
]);
const NAMES: ReadonlySet<string> = new Set(['1.0', '2.0', '2.1', '2.5', '12.0', ...BY_BYTE.values()]);

/** The version of the first byte of a base64 query, or undefined where no such version exists. */
export function versionOfByte(byte: number): string | undefined {
  return BY_BYTE.get(byte);
}

/** The value of the header MS-ASProtocolVersion as a known version, or empty where it is absent or unknown. */
export function versionOfHeader(value: string | undefined): string {
  return value !== undefined && NAMES.has(value) ? value : '';
}

/** A version as a number that can be compared, `16.1` as 161; 0 for what is no version. */
export function versionNumber(version: string): number {
  const [, major, minor] = /^(\d{1,2})\.(\d)$/.exec(version) ?? [];
  return major === undefined ? 0 : Number(major) * 10 + Number(minor);
}
