// Remembers the routes of a gateway's recent snapshots, so that an edit of one route is not taken for one of all.
import type { Snapshot } from '../../gateway/config/snapshot.ts';

export class SnapshotHistory {
  /** The text of each route, by route, by the snapshot's hash. */
  readonly #snapshots = new Map<string, ReadonlyMap<string, string>>();

  /** Adds a snapshot under its hash; one that is known costs nothing. */
  add(hash: string, { routes }: Snapshot): void {
    if (this.#snapshots.has(hash)) return;
    const texts = routes.map((route) => [`${route.namespace}/${route.name}`, JSON.stringify(route)] as const);
    this.#snapshots.set(hash, new Map(texts));
  }

  /** Forgets all snapshots but these: those that are wanted or served. */
  retain(hashes: Iterable<string>): void {
    const kept = new Set(hashes);
    for (const hash of this.#snapshots.keys()) if (!kept.has(hash)) this.#snapshots.delete(hash);
  }

  /**
   * True when a pod that serves snapshot `served` treats the route (`namespace/name`) as snapshot `wanted` says. Files are
   * named by their content, so that equal text means equal treatment.
   */
  serves(served: string, wanted: string, route: string): boolean {
    if (served === wanted) return true;
    const text = this.#snapshots.get(wanted)?.get(route);
    return text !== undefined && this.#snapshots.get(served)?.get(route) === text;
  }
}
