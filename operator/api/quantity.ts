// Quantities of Kubernetes (500m, 2, 256Mi), compared exactly.

/** In thousandths. */
const FACTORS: Readonly<Record<string, bigint>> = {
  m: 1n,
  '': 1000n,
  k: 1000n * 10n ** 3n,
  M: 1000n * 10n ** 6n,
  G: 1000n * 10n ** 9n,
  T: 1000n * 10n ** 12n,
  Ki: 1000n << 10n,
  Mi: 1000n << 20n,
  Gi: 1000n << 30n,
  Ti: 1000n << 40n,
};

/** Negative, 0 or positive as `a` is less than, equal to or more than `b`. @throws RangeError for what is no quantity */
export function compareQuantities(a: string, b: string): number {
  const [left, right] = [scaled(a), scaled(b)];
  return left < right ? -1 : Number(left > right);
}

/** A whole number that grows with the quantity: nine digits after the point are all that the format allows. */
function scaled(quantity: string): bigint {
  const match = /^([0-9]+)(?:[.]([0-9]{1,9}))?([a-zA-Z]*)$/.exec(quantity);
  const factor = FACTORS[match?.[3] ?? ''];
  if (match === null || factor === undefined) throw new RangeError(`not a quantity: ${quantity}`);
  return BigInt(`${match[1]}${(match[2] ?? '').padEnd(9, '0')}`) * factor;
}
