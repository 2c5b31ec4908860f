// Keeps a version as the fixture from which upgrades are tested: `keep-version.ts CHECKOUT`, where its sources are.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundle } from './bundle.ts';
import { previousVersionFolder, programs } from './images.ts';

const [checkout] = process.argv.slice(2);
if (checkout === undefined) {
  console.error('usage: keep-version.ts CHECKOUT (a folder with the sources of the version to keep)');
  process.exit(2);
}
for (const { image, entry } of programs) {
  const folder = join(previousVersionFolder, image);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { files } = await bundle({ entry, root: resolve(checkout), ownSourcesOnly: true });
  for (const [name, content] of files) writeFileSync(join(folder, name), content);
}
