// What a rule across fields is: written once, as CEL for the API server and as a check for the file provider.
import { celString, type Format, isOfFormat } from './formats.ts';

/** One rule of a kind. Both forms give the same verdict; a table of manifests holds them to it. */
export interface Rule<Node> {
  /** Where the rule stands in the schema: a path of properties, `[]` for the items of a list; '' is the root. */
  readonly at: string;
  /** CEL; `self` is the node at that path. */
  readonly cel: string;
  /** The same in TypeScript; true when the node is good. */
  readonly check: (node: Node) => boolean;
  /** The field to blame, below `at`, as `.field`; empty for the node itself. */
  readonly field: string;
  /** What to do. */
  readonly message: string;
}

/** A rule that compares a node with what it was (`oldSelf`): the API server's alone, because files have no past. */
export type TransitionRule = Omit<Rule<never>, 'check'>;

export type Strings = Readonly<Record<string, string>>;

/** Every key of a map is of a format, and there are not too many; the CRD cannot say that of keys otherwise. */
export function mapRules(at: string, format: Format, maxProperties: number): readonly Rule<Strings>[] {
  return [
    {
      at,
      cel: `self.all(key, size(key) <= ${format.maxLength} && key.matches(${celString(format.pattern)}))`,
      check: (map) => Object.keys(map).every((key) => isOfFormat(format, key)),
      field: '',
      message: format.message,
    },
    {
      at,
      cel: `size(self) <= ${maxProperties}`,
      check: (map) => Object.keys(map).length <= maxProperties,
      field: '',
      message: `use at most ${maxProperties} entries`,
    },
  ];
}

/** The operator's own labels and annotations: what it remembers and what pods are told stands there. */
export const RESERVED_PREFIX = 'sentrygateway.io/';

/** Keys of the operator's own are refused in a map of annotations. */
export function reservedAnnotationRule(at: string): Rule<Strings> {
  return {
    at,
    cel: `self.all(key, !key.startsWith('${RESERVED_PREFIX}'))`,
    check: (map) => Object.keys(map).every((key) => !key.startsWith(RESERVED_PREFIX)),
    field: '',
    message: `choose other keys than ${RESERVED_PREFIX}…: these are the operator's own`,
  };
}
