// The figures that the bench prints: one line each, `name<TAB>value<TAB>goal`.

export interface Figure {
  readonly name: string;
  readonly value: number;
  /** The most that it may be; absent for the peers' own figures. */
  readonly goal?: number;
}

/** One figure as a line; two decimals at the most. */
export function lineOf({ name, value, goal }: Figure): string {
  return [name, String(Math.round(value * 100) / 100), goal === undefined ? '' : String(goal)].join('\t');
}
