// How requests are spread over servers of which none is preferred to another.
import type { RouteServer } from './route-server.ts';

/**
 * - `Priority`: the first one in order takes everything.
 * - `RoundRobin`: one after the other.
 * - `LeastRequests`: the one with the fewest requests under way, open polls included.
 * - `UserHash`: a user stays with a server while the servers stay the same.
 */
export type Balancing = 'Priority' | 'RoundRobin' | 'LeastRequests' | 'UserHash';

/** A server with what balancing remembers of it. */
export class Candidate {
  readonly server: RouteServer;
  /** May be chosen at the moment; set before each choice. */
  isOpen = false;
  /** From 0.1 to 1 while it is in its slow start. */
  warmth = 1;
  /** For RoundRobin. */
  credit = 0;
  /** For UserHash. */
  readonly seed: number;
  private readonly fullWeight: number;

  constructor(server: RouteServer & { readonly weight?: number | undefined }) {
    this.server = server;
    this.fullWeight = server.weight ?? 1;
    this.seed = hashText(server.name);
  }

  get weight(): number {
    return this.fullWeight * this.warmth;
  }

  get active(): number {
    return this.server.endpoint.pool.active;
  }

  warmUp(now: number, slowStartMs: number): void {
    const share = (now - this.server.endpoint.health.returnedAt) / slowStartMs;
    this.warmth = share >= 1 ? 1 : Math.max(MIN_WARMTH, share);
  }
}

/**
 * Chooses one of the candidates that are open, of which there is one at least.
 * @param user a hash of 32 bits
 * @param turn from 0 to 1, another one for each choice
 */
export type Balancer = (candidates: readonly Candidate[], user: number, turn: number) => Candidate;

const MIN_WARMTH = 0.1;
/** A server may have so much more than its share of the requests under way before users go to their second server. */
const LOAD_BOUND = 1.25;
/** And so many requests without regard to its share: a few users are no load. */
const MIN_LOAD = 16;

export function balancerOf(balancing: Balancing): Balancer {
  switch (balancing) {
    case 'Priority':
      return first;
    case 'RoundRobin':
      return roundRobin;
    case 'LeastRequests':
      return leastRequests;
    case 'UserHash':
      return userHash;
    default:
      return balancing satisfies never;
  }
}

function first(candidates: readonly Candidate[]): Candidate {
  for (const candidate of candidates) if (candidate.isOpen) return candidate;
  throw new RangeError('no candidate');
}

/** Smooth: with weights 2 and 1 it goes a b a, a b a. */
function roundRobin(candidates: readonly Candidate[]): Candidate {
  let best: Candidate | undefined;
  let sum = 0;
  for (const candidate of candidates) {
    if (!candidate.isOpen) continue;
    candidate.credit += candidate.weight;
    sum += candidate.weight;
    if (best === undefined || candidate.credit > best.credit) best = candidate;
  }
  best ??= first(candidates);
  best.credit -= sum;
  return best;
}

/** Of equal ones another one each time. */
function leastRequests(candidates: readonly Candidate[], _user: number, turn: number): Candidate {
  const start = Math.floor(turn * candidates.length);
  let best: Candidate | undefined;
  let least = Infinity;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[(start + i) % candidates.length];
    if (candidate?.isOpen !== true) continue;
    const load = (candidate.active + 1) / candidate.weight;
    if (load >= least) continue;
    least = load;
    best = candidate;
  }
  return best ?? first(candidates);
}

/** Weighted rendezvous hashing with bounded load: a server that comes or goes moves only the users that it takes or leaves. */
function userHash(candidates: readonly Candidate[], user: number): Candidate {
  let active = 1;
  let weights = 0;
  for (const candidate of candidates) {
    if (!candidate.isOpen) continue;
    active += candidate.active;
    weights += candidate.weight;
  }
  const loadOfOne = (LOAD_BOUND * active) / weights;
  let best: Candidate | undefined;
  let highest = -1;
  for (const candidate of candidates) {
    if (!candidate.isOpen) continue;
    if (candidate.active >= Math.max(MIN_LOAD, loadOfOne * candidate.weight)) continue;
    const score = -candidate.weight / Math.log(fractionOf(user ^ candidate.seed));
    if (score <= highest) continue;
    highest = score;
    best = candidate;
  }
  return best ?? first(candidates);
}

/** Between 0 and 1, both excluded: the finalizer of MurmurHash3, which spreads the bits of a number evenly. */
function fractionOf(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x85_eb_ca_6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2_b2_ae_35);
  return (((bits ^ (bits >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}

/** FNV-1a of the text's UTF-16 units: 32 bits. */
export function hashText(text: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01_00_01_93);
  return hash;
}
