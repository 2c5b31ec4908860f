// The translation's golden files: <behaviour>.in.yaml are resources, <behaviour>.out.yaml what is made of them.
// UPDATE_GOLDEN=1 vitest run test/golden writes the outputs anew.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { snapshotSchema } from '../../gateway/config/snapshot.ts';
import { validateSnapshot } from '../../gateway/config/validate.ts';
import { translate } from '../../operator/translate/translate.ts';
import type { Resources } from '../../operator/translate/types.ts';
import { readGoldenInput } from './input.ts';
import { printTranslation } from './output.ts';

const update = process.env['UPDATE_GOLDEN'] !== undefined;
const directory = import.meta.dirname;
const files = readdirSync(directory);
const behaviours = files
  .filter((name) => name.endsWith('.in.yaml'))
  .map((name) => name.slice(0, -'.in.yaml'.length));

describe('the translation', () => {
  test.each(behaviours)('%s', async (behaviour) => {
    const { resources, options, credentials } = await readGoldenInput(
      join(directory, `${behaviour}.in.yaml`),
    );
    const translation = translate(resources, options);
    const text = printTranslation(translation, credentials);
    const expected = join(directory, `${behaviour}.out.yaml`);
    if (update) writeFileSync(expected, text);
    expect(text).toBe(
      existsSync(expected) ? readFileSync(expected, 'utf8') : 'UPDATE_GOLDEN=1 writes this file',
    );

    for (const { snapshot, files } of translation.gateways) {
      expect(snapshotSchema.parse(snapshot)).toEqual(snapshot);
      expect(validateSnapshot(snapshot, files)).toEqual([]);
    }
    expect(translate(reversed(resources), options)).toEqual(translation);
    expect(text).not.toMatch(/-----BEGIN [A-Z ]+-----\n|\((.* \+ )?unknown/);
  });

  test('has an input for every output', () => {
    const orphans = files.filter(
      (name) => name.endsWith('.out.yaml') && !behaviours.includes(name.slice(0, -'.out.yaml'.length)),
    );
    if (update) for (const name of orphans) rmSync(join(directory, name));
    expect(update ? [] : orphans).toEqual([]);
  });

  test('is held to at least 40 behaviours', () => {
    expect(behaviours.length).toBeGreaterThanOrEqual(40);
  });
});

/** The order in which resources come must not matter. */
function reversed(resources: Resources): Resources {
  return {
    ...resources,
    gateways: resources.gateways.toReversed(),
    routes: resources.routes.toReversed(),
    secrets: resources.secrets.toReversed(),
    configMaps: resources.configMaps.toReversed(),
    namespaces: resources.namespaces.toReversed(),
  };
}
