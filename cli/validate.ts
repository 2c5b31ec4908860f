// `sentry validate DIR`: what is wrong with the manifests, each with its file and line.
import type { ConditionUpdate } from '../operator/api/conditions.ts';
import { preview, type Preview } from '../operator/preview.ts';
import { describeProblem } from '../operator/provider/describe-problem.ts';
import type { Problem } from '../operator/provider/types.ts';
import { checkDirectory } from './directory.ts';

/** Prints `file:line: message` for each problem, on stdout. Resolves with 1 when one of them is an error. */
export async function validate({ directory }: { readonly directory: string }): Promise<number> {
  await checkDirectory(directory);
  const result = await preview(directory, {
    translate: { image: 'sentry-gateway', target: 'Standalone' },
    clock: { now: () => new Date() },
    signal: AbortSignal.timeout(60_000),
  });
  const problems = [...result.problems, ...verdictProblems(result)];
  for (const problem of problems) process.stdout.write(`${describeProblem(problem)}\n`);
  const failed = problems.some(({ severity }) => severity === 'Error');
  if (!failed) process.stdout.write(`${directory}: ${count(result)}\n`);
  return failed ? 1 : 0;
}

/** What each object's own verdict says: references that do not resolve, conflicts, missing parents. */
function verdictProblems({ translation, sources }: Preview): Problem[] {
  const problems = (kind: string, key: string, conditions: readonly ConditionUpdate[]): Problem[] =>
    conditions.filter(isProblem).map(({ type, reason, message }) => ({
      severity: type === 'Conflicted' ? 'Warning' : 'Error',
      message: `${kind} ${key}: ${reason}: ${message}`,
      ...sources.get(`${kind} ${key}`),
    }));
  return [
    ...[...translation.gatewayStatuses].flatMap(([key, { conditions }]) =>
      problems('SentryGateway', key, conditions),
    ),
    ...[...translation.routeStatuses].flatMap(([key, { parents }]) =>
      problems('ExchangeRoute', key, unique(parents.flatMap(({ conditions }) => conditions))),
    ),
  ];
}

function isProblem({ type, status }: ConditionUpdate): boolean {
  return type === 'Conflicted' ? status === 'True' : status === 'False';
}

/** A route says the same of each of its gateways, mostly. */
function unique(conditions: readonly ConditionUpdate[]): ConditionUpdate[] {
  return [...new Map(conditions.map((condition) => [JSON.stringify(condition), condition])).values()];
}

function count({ resources }: Preview): string {
  const { gateways, routes } = resources;
  const plural = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  return `${plural(gateways.length, 'SentryGateway')} and ${plural(routes.length, 'ExchangeRoute')} are valid`;
}
