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
  const problems = (kind: string, key: string, conditions: readonly ConditionUpdate[]): Problem[] => {
    const source = sources.get(`${kind} ${key}`) ?? {};
    return conditions.filter(isProblem).map(({ type, reason, message }) =>
      Object.assign({}, source, {
        severity: type === 'Conflicted' ? ('Warning' as const) : ('Error' as const),
        message: `${kind} ${key}: ${reason}: ${message}`,
      }),
    );
  };
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
  return `${plural(gateways.length, 'SentryGateway')} and ${plural(routes.length, 'ExchangeRoute')} are valid`;
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
