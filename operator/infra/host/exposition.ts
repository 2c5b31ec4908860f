// Merges the Prometheus texts of several gateways into one, each series with a label that says whose it is.

/** One gateway's answer to GET /metrics (text exposition format 0.0.4) and the labels that its series get. */
export interface Exposition {
  readonly labels: Readonly<Record<string, string>>;
  readonly text: string;
}

interface Family {
  readonly comments: string[];
  readonly samples: string[];
}

/**
 * One text in which each metric family stands once, with the first HELP and TYPE that were seen for it, and holds the
 * samples of all expositions. Lines that are no samples are dropped.
 */
export function mergeExpositions(expositions: readonly Exposition[]): string {
  const families = new Map<string, Family>();
  for (const exposition of expositions) addExposition(families, exposition);
  return [...families.values()]
    .flatMap(({ comments, samples }) => comments.concat(samples))
    .map((line) => `${line}\n`)
    .join('');
}

const comment = /^# (?:HELP|TYPE) (\S+)/;
const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S.*)$/;

function addExposition(families: Map<string, Family>, { labels, text }: Exposition): void {
  const added = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`);
  let current = '';
  const seen = new Set(families.keys());
  for (const line of text.split('\n')) {
    const family = comment.exec(line)?.[1];
    if (family !== undefined) {
      current = family;
      if (!seen.has(family)) familyOf(families, family).comments.push(line);
      continue;
    }
    const [, name, present, value] = sample.exec(line) ?? [];
    if (name === undefined) continue;
    const all = [...added, ...(present ? [present] : [])].join(',');
    const owner = current !== '' && name.startsWith(current) ? current : name;
    familyOf(families, owner).samples.push(`${name}${all === '' ? '' : `{${all}}`} ${value}`);
  }
}

function familyOf(families: Map<string, Family>, name: string): Family {
  const known = families.get(name);
  if (known !== undefined) return known;
  const family: Family = { comments: [], samples: [] };
  families.set(name, family);
  return family;
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
