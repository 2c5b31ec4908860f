// What every place that resources come from offers: an API server, or a directory of the same YAML.
import type { Resources } from '../translate/types.ts';

/** Resources without the keys, which `pki/` adds, and without what ran before. */
export type ProvidedResources = Omit<Resources, 'keys' | 'previous'>;

/** An object as people name it: the kind and, where they are known, namespace and name. */
export interface ObjectReference {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Something that was refused (`Error`) or passed over (`Warning`), and where. The message says what to do. */
export interface Problem {
  readonly severity: 'Error' | 'Warning';
  readonly message: string;
  readonly object?: ObjectReference;
  /** Path of the file as the user gave it, and the line from 1: where resources come from files. */
  readonly file?: string;
  readonly line?: number;
}

/** Called with the whole state, never with a difference: first when it is complete, then after each change. */
export type OnChange = (resources: ProvidedResources, problems: readonly Problem[]) => void;

export interface Provider {
  /** Watches until `signal` aborts, and resolves then. Rejects when resources cannot be read at all. */
  start(signal: AbortSignal, onChange: OnChange): Promise<void>;
}
