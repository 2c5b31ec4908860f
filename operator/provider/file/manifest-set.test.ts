import { beforeEach, describe, expect, it } from 'vitest';
import type { ManifestFile } from './manifest-directory.ts';
import { ManifestSet } from './manifest-set.ts';

const file = (path: string, text: string): ManifestFile => ({ path, content: { text } });
const gateway = (name: string, port = 443, more = '') => `
apiVersion: sentrygateway.io/v1alpha1
kind: SentryGateway
metadata: {name: ${name}}
spec:
  port: ${port}
  listeners: [{name: phones, hostnames: [${name}.example.com], tls: {selfSigned: {}}}]
${more}`;

let manifests: ManifestSet;
beforeEach(() => {
  manifests = new ManifestSet();
});

const served = () =>
  manifests.resources.gateways.map(
    ({ metadata, spec }) => `${metadata.name} port ${spec.port} generation ${metadata.generation}`,
  );
const problems = () =>
  manifests.problems.map(({ severity, file, line, message }) => `${severity} ${file}:${line}: ${message}`);

it('collects objects of all kinds over files and documents, in the order of their names', () => {
  manifests.update([
    file('a.yaml', `${gateway('second')}\n---\n${gateway('first')}`),
    file(
      'b.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca, namespace: team}\ndata: {ca.crt: x}\n',
    ),
  ]);
  expect(served()).toEqual(['first port 443 generation 1', 'second port 443 generation 1']);
  expect(manifests.resources.configMaps.map(({ metadata }) => metadata.name)).toEqual(['ca']);
  expect(manifests.resources.namespaces.map(({ metadata }) => metadata.name).toSorted()).toEqual([
    'default',
    'team',
  ]);
  expect(manifests.sources.get('SentryGateway default/first')).toEqual({ file: 'a.yaml', line: 11 });
  expect(problems()).toEqual([]);
});

it('reads the items of a List, with the line of each', () => {
  const item = gateway('mail', 70_000).trim().replaceAll('\n', '\n    ');
  manifests.update([file('list.yaml', `apiVersion: v1\nkind: List\nitems:\n  - ${item}\n`)]);
  expect(problems()).toEqual([
    expect.stringMatching(/^Error list\.yaml:8: SentryGateway default\/mail: spec\.port: /),
  ]);
});

it('prefers a declared Namespace to the one that an object implies', () => {
  manifests.update([
    file(
      'a.yaml',
      `${gateway('mail')}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {a: b}}\n`,
    ),
  ]);
  expect(manifests.resources.namespaces).toEqual([
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'default', labels: { a: 'b', 'kubernetes.io/metadata.name': 'default' } },
    },
  ]);
});

describe('generation', () => {
  it('counts changes of the spec, whatever the file says of it', () => {
    manifests.update([file('a.yaml', gateway('mail'))]);
    manifests.update([file('a.yaml', `# a comment\n${gateway('mail')}`)]);
    expect(served()).toEqual(['mail port 443 generation 1']);
    const labelled = gateway('mail').replace('{name: mail}', '{name: mail, generation: 7, labels: {a: b}}');
    manifests.update([file('a.yaml', labelled)]);
    expect(served()).toEqual(['mail port 443 generation 1']);
    manifests.update([file('a.yaml', gateway('mail', 444))]);
    expect(served()).toEqual(['mail port 444 generation 2']);
    manifests.update([file('b.yaml', gateway('mail', 443))]);
    expect(served()).toEqual(['mail port 443 generation 3']);
  });
});

describe('a bad object', () => {
  beforeEach(() => {
    manifests.update([file('a.yaml', `${gateway('mail')}\n---\n${gateway('more', 8443)}`)]);
  });

  it('keeps its last good version while the others are served as they are', () => {
    manifests.update([file('a.yaml', `${gateway('mail', 70_000)}\n---\n${gateway('more', 9443)}`)]);
    expect(served()).toEqual(['mail port 443 generation 1', 'more port 9443 generation 2']);
    expect(problems()).toEqual([
      expect.stringMatching(
        /^Error a\.yaml:6: SentryGateway default\/mail: spec\.port: .+ \(the last good version stays\)$/,
      ),
    ]);
  });

  it('keeps it also when the file moved', () => {
    manifests.update([file('b.yaml', gateway('mail', 70_000))]);
    expect(served()).toEqual(['mail port 443 generation 1']);
  });

  it('is served again once it is good', () => {
    manifests.update([file('a.yaml', gateway('mail', 70_000))]);
    manifests.update([file('a.yaml', gateway('mail', 445))]);
    expect(served()).toEqual(['mail port 445 generation 2']);
    expect(problems()).toEqual([]);
  });

  it('goes when it is removed', () => {
    manifests.update([file('a.yaml', gateway('mail', 70_000))]);
    manifests.update([]);
    expect(served()).toEqual([]);
  });

  it('that names nobody keeps everything that its file held and no longer shows', () => {
    manifests.update([file('a.yaml', `${gateway('more', 9443)}\n---\nmetadata: [`)]);
    expect(served()).toEqual(['mail port 443 generation 1', 'more port 9443 generation 2']);
    expect(problems()).toEqual([
      expect.stringMatching(/^Error a\.yaml:10: .+ \(the last good version stays\)$/),
    ]);
  });

  it('in a file that cannot be read keeps all of it', () => {
    manifests.update([{ path: 'a.yaml', content: { error: 'is not UTF-8 text' } }]);
    expect(served()).toHaveLength(2);
    expect(problems()).toEqual(['Error a.yaml:1: is not UTF-8 text (the last good version stays)']);
  });

  it('of another file does not keep what was removed here', () => {
    manifests.update([file('b.yaml', 'metadata: [')]);
    expect(served()).toEqual([]);
  });

  it('that never was good is only reported', () => {
    manifests.update([file('a.yaml', gateway('new', 70_000))]);
    expect(served()).toEqual([]);
    expect(problems()).toEqual([
      expect.stringMatching(/^Error a\.yaml:6: SentryGateway default\/new: spec\.port: [^(]+$/),
    ]);
  });
});

describe('an object that stands twice', () => {
  it('is taken from the first place and reported at the other', () => {
    manifests.update([file('a.yaml', gateway('mail', 1)), file('b.yaml', gateway('mail', 2))]);
    expect(served()).toEqual(['mail port 1 generation 1']);
    expect(problems()).toEqual([
      'Error b.yaml:2: SentryGateway default/mail: stands at a.yaml:2 already: remove one of the two',
    ]);
  });

  it('stays what it was when a copy appears in a file that is read earlier', () => {
    manifests.update([file('b.yaml', gateway('mail', 2))]);
    manifests.update([file('a.yaml', gateway('mail', 1)), file('b.yaml', gateway('mail', 2))]);
    expect(served()).toEqual(['mail port 2 generation 1']);
    expect(problems()).toEqual([expect.stringMatching(/^Error a\.yaml:2: .* stands at b\.yaml:2 already/)]);
  });
});

it('warns of kinds that are not read', () => {
  manifests.update([file('a.yaml', '# web\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n')]);
  expect(problems()).toEqual(['Warning a.yaml:2: apps/v1 Deployment is not read here and was ignored']);
});
