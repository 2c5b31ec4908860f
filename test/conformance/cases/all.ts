// All cases of the comparison, by name.
import { commandCases } from './commands.ts';
import type { ExchangeCase } from './exchange-case.ts';
import { headerCases } from './headers.ts';
import { provisionCases } from './provision.ts';
import { queryCases } from './queries.ts';
import { statusCases } from './statuses.ts';

export const CASES: readonly ExchangeCase[] = [
  ...commandCases,
  ...queryCases,
  ...headerCases,
  ...statusCases,
  ...provisionCases,
];

/** @throws TypeError when there is none of this name. */
export function caseNamed(name: string): ExchangeCase {
  const found = CASES.find((each) => each.name === name);
  if (found === undefined) throw new TypeError(`no case is named ${name}`);
  return found;
}
