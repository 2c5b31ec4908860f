// The cases of the comparison: each an exchange to the byte, with a name that stays and the list of all that it emits. They run in
// comparison.test.ts, under their names.
import type { ExchangeKind } from '../../peers/exchange/kinds.ts';
import { CLIENTS } from '../../peers/phone/clients/clients.ts';
import { COMMANDS } from '../../peers/phone/clients/commands.ts';
import type { ClientProfile } from '../../peers/phone/clients/profile.ts';
import { type ComparisonCase, comparisonCase } from './case-writer.ts';
import { bodyCases } from './cases-bodies.ts';
import { headerCases } from './cases-headers.ts';
import { statusCases } from './cases-statuses.ts';
import { ONLY_IN } from './documents.ts';

export type { ComparisonCase } from './case-writer.ts';

const ON_PREMISES: readonly ExchangeKind[] = ['2016', '2019'];
const ALL_KINDS: readonly ExchangeKind[] = ['2016', '2019', 'online'];

/** Every command in every version and form of the query that a client speaks. */
function commandCases(client: ClientProfile): ComparisonCase[] {
  const forms = client.otherQuery.value ? (['plain', 'base64'] as const) : [client.query.value];
  return client.versions.value.flatMap((version) =>
    COMMANDS.filter((command) => ONLY_IN[command]?.includes(version) ?? true).flatMap((command, i) =>
      forms.map((query, j) => {
        const kinds = version === '16.1' ? ALL_KINDS : ON_PREMISES;
        const kind = kinds[(i + j) % kinds.length] as ExchangeKind;
        return comparisonCase({ client, command, version, query, kind });
      }),
    ),
  );
}

export const COMPARISON_CASES: readonly ComparisonCase[] = CLIENTS.flatMap((client) => [
  ...commandCases(client),
  ...headerCases(client),
  ...bodyCases(client),
  ...statusCases(client),
]);
