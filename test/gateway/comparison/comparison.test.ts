// Everything through the gateway is what it is without it: each case is run both ways and compared to the byte.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENTS } from '../../peers/phone/clients/clients.ts';
import { COMPARISON_CASES } from './cases.ts';
import { Comparison, differences } from './comparison.ts';

describe('through the gateway as without it', () => {
  let comparison: Comparison;

  beforeAll(async () => {
    comparison = await Comparison.start();
  });

  afterAll(async () => {
    await comparison.stop();
  });

  describe.each(CLIENTS.map(({ name }) => name))('%s', (client) => {
    const cases = COMPARISON_CASES.filter((each) => each.client === client);
    test.each(cases.map((each) => [each.name, each] as const))('%s', async (_, each) => {
      expect(differences(await comparison.run(each))).toEqual([]);
    });
  });
});
