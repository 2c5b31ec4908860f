// A trait of a peer beside the place where it is written down.

/** A public page, a place of the specifications (or of the traces recorded with them), or nobody's word but ours. */
export type Source = `https://${string}` | `spec: ${string}` | 'assumed';

export interface Trait<T> {
  readonly value: T;
  readonly source: Source;
  /** What the source does not say, or where it is about something older or similar. */
  readonly note?: string;
}
