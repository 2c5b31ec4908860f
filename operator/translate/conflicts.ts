// Which of two equally specific routes gets a value: the one that claims it first, and routes claim in the order of their age.
import { type Match, usedFields } from './match.ts';

/** A part of another route's match that a claim ran into. */
export interface Rival<Owner> {
  readonly owner: Owner;
  /** What both wanted; a field that neither uses is empty. */
  readonly overlap: Match;
}

/** What a claim came to. */
export interface Claim<Owner> {
  /** False when every combination of its values belongs to others. */
  readonly granted: boolean;
  readonly rivals: readonly Rival<Owner>[];
}

interface Holding<Owner> {
  readonly owner: Owner;
  readonly part: Match;
}

/** The matches that the routes of one listener hold. */
export class MatchClaims<Owner> {
  readonly #holdings = new Map<string, Holding<Owner>[]>();

  /**
   * Claims a match. Only matches that use the same fields can collide, because a more specific one always goes first; they
   * collide where they share a value in each of these fields. What is left of the match is then held by `owner`.
   */
  claim(owner: Owner, match: Match): Claim<Owner> {
    const rivals: Rival<Owner>[] = [];
    let left: Match[] = [match];
    for (const held of this.#candidates(match)) {
      const overlap = intersect(match, held.part);
      if (overlap === undefined) continue;
      rivals.push({ owner: held.owner, overlap });
      left = left.flatMap((part) => subtract(part, held.part));
    }
    for (const part of left) this.#hold({ owner, part });
    return { granted: left.length > 0, rivals };
  }

  #candidates(match: Match): Iterable<Holding<Owner>> {
    return new Set(indexKeys(match).flatMap((key) => this.#holdings.get(key) ?? []));
  }

  #hold(holding: Holding<Owner>): void {
    for (const key of indexKeys(holding.part)) {
      const held = this.#holdings.get(key);
      if (held) held.push(holding);
      else this.#holdings.set(key, [holding]);
    }
  }
}

/** Holdings are found by the fields that they use and each value of the first of these. */
function indexKeys(match: Match): string[] {
  const fields = usedFields(match);
  const values = fields[0] === undefined ? [''] : match[fields[0]];
  return values.map((value) => `${fields.join()}:${value}`);
}

function intersect(a: Match, b: Match): Match | undefined {
  const overlap: Match = { users: [], deviceTypes: [], domains: [] };
  for (const field of usedFields(a)) {
    const others = new Set(b[field]);
    overlap[field] = a[field].filter((value) => others.has(value));
    if (overlap[field].length === 0) return undefined;
  }
  return overlap;
}

/** What remains of `part` without `taken`, as parts that do not overlap each other. */
function subtract(part: Match, taken: Match): Match[] {
  if (intersect(part, taken) === undefined) return [part];
  const pieces: Match[] = [];
  const rest = { ...part };
  for (const field of usedFields(part)) {
    const gone = new Set(taken[field]);
    const outside = rest[field].filter((value) => !gone.has(value));
    if (outside.length > 0) pieces.push({ ...rest, [field]: outside });
    rest[field] = rest[field].filter((value) => gone.has(value));
  }
  return pieces;
}
