// What an image is made of: a CycloneDX document for tools, and the licences' texts that its parts ask to be passed on.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { NpmPackage } from './bundle.ts';
import type { NodeRuntime, SystemFile } from './node-runtime.ts';

export interface Materials {
  readonly name: string;
  readonly version: string;
  readonly packages: readonly NpmPackage[];
  readonly runtime: NodeRuntime;
  /** Beside those of the runtime. */
  readonly systemFiles: readonly SystemFile[];
}

type Origin = NonNullable<SystemFile['origin']>;

/** A CycloneDX 1.6 document, JSON. It has no time and no serial number: the same parts give the same bytes. */
export function billOfMaterials(materials: Materials): string {
  const { name, version, packages, runtime } = materials;
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: { type: 'container', name, version, licenses: [{ license: { id: 'Apache-2.0' } }] },
    },
    components: [
      {
        type: 'platform',
        name: 'node',
        version: runtime.version,
        purl: `pkg:generic/node@${runtime.version}`,
        licenses: [{ license: { id: 'MIT' } }],
      },
      ...packages.map(npmComponent),
      ...debianPackages(materials).map((origin) => ({
        type: 'library',
        name: origin.name,
        version: origin.version,
        purl: `pkg:deb/debian/${origin.name}@${encodeURIComponent(origin.version)}?arch=${runtime.architecture}`,
      })),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** The texts of the licences of everything in the image that is not ours. */
export function notices(materials: Materials): string {
  const sections = [
    section(`node ${materials.runtime.version}`, materials.runtime.license),
    ...materials.packages.map((each) =>
      section(`${each.name} ${each.version} (${each.license})`, licenseTexts(each.folder)),
    ),
    ...debianPackages(materials).map(({ name, version, copyright }) =>
      section(`${name} ${version} (Debian)`, copyright),
    ),
  ];
  return sections.join('\n');
}

function npmComponent({ name, version, license }: NpmPackage): object {
  const isExpression = / (?:OR|AND|WITH) /.test(license);
  return {
    type: 'library',
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    licenses: [isExpression ? { expression: license } : { license: { id: license } }],
  };
}

function debianPackages({ runtime, systemFiles }: Materials): Origin[] {
  const origins = [...runtime.systemFiles, ...systemFiles].flatMap(({ origin }) => origin ?? []);
  return [...new Map(origins.map((origin) => [origin.name, origin])).values()].toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  );
}

function licenseTexts(folder: string): string {
  return readdirSync(folder)
    .filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file))
    .toSorted()
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
    .join('\n\n');
}

function section(title: string, text: string): string {
  return `${'='.repeat(80)}\n${title}\n${'='.repeat(80)}\n${text.trim()}\n`;
}
