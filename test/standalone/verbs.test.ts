// The verbs that run nothing: status, validate, translate, and what the command says to wrong usage.
import { mkdir, symlink } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { CertificateAuthority } from '../peers/certificates.ts';
import { configMap, documents, gateway, route, tlsSecret } from './manifests.ts';
import { freePorts, sentry, Standalone } from './standalone-run.ts';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const binary = fileURLToPath(new URL('../../bin/sentry', import.meta.url));

describe('usage', () => {
  it('prints help on stdout for --help and exits 0', async () => {
    const { stdout, stderr, code } = await sentry('--help');
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toMatch(/^Usage: sentry /);
    expect(await sentry('standalone', '--help')).toMatchObject({ stdout, code: 0 });
  });

  it.each([[[]], [['run', 'x']], [['standalone']], [['validate', 'a', 'b']], [['status', 'a', '--colour']]])(
    'prints help on stderr for %j and exits 2',
    async (args) => {
      const { stdout, stderr, code } = await sentry(...args);
      expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
      expect(stderr).toMatch(/^sentry: .+\n\nUsage: sentry /);
    },
  );

  it.each(['standalone', 'status', 'validate', 'translate'])(
    '%s of a missing directory exits 1',
    async (verb) => {
      const { stdout, stderr, code } = await sentry(verb, '/nowhere/at/all');
      expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
      expect(stderr).toBe('sentry: /nowhere/at/all does not exist: give the directory of the manifests\n');
    },
  );

  it('works through links and from any directory', async () => {
    await using run = await Standalone.create();
    await mkdir(join(run.directory, 'bin'));
    await symlink(binary, join(run.directory, 'real-link'));
    await symlink('../real-link', join(run.directory, 'bin', 'sentry'));
    const child = spawn(join(run.directory, 'bin', 'sentry'), ['--version'], { cwd: '/', stdio: 'pipe' });
    const [output] = (await once(child.stdout, 'data')) as [Buffer];
    await once(child, 'exit');
    expect(output.toString()).toMatch(/^sentry \d+\.\d+\.\d+\n$/);
    expect(child.exitCode).toBe(0);
  });
});

describe('validate', () => {
  it('says of good manifests that they are', async () => {
    expect(await sentry('validate', join(examples, 'several-routes'))).toMatchObject({
      code: 0,
      stdout: `${join(examples, 'several-routes')}: 1 SentryGateway and 3 ExchangeRoutes are valid\n`,
    });
  });

  it('gives file, line and path of every mistake, over all files', async () => {
    await using run = await Standalone.create({
      'a.yaml': documents(
        gateway('mail', 70_000),
        'kind: SentryGatway\napiVersion: sentrygateway.io/v1alpha1\n',
      ),
      'b.json':
        '{\n  "apiVersion": "v1",\n  "kind": "ConfigMap",\n  "metadata": {"name": "ca"},\n  "data": {"a": 1}\n}\n',
      'c.yml': 'a: [\n',
      '.d.yaml': 'a: [\n',
    });
    const { stdout, code } = await sentry('validate', run.directory);
    expect(code).toBe(1);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(`${run.directory}/`, ''));
    expect(lines).toEqual([
      expect.stringMatching(/^a\.yaml:5: SentryGateway default\/mail: spec\.port: /),
      expect.stringMatching(/^a\.yaml:10: kind: sentrygateway\.io has no kind SentryGatway/),
      expect.stringMatching(/^b\.json:5: ConfigMap default\/ca: data\.a: /),
      expect.stringMatching(/^c\.yml:\d: /),
    ]);
  });

  it('gives the place of an object whose reference does not resolve', async () => {
    await using run = await Standalone.create({
      'a.yaml': documents(gateway('mail', 443), route('all', 'mail', 1)),
    });
    const { stdout, code } = await sentry('validate', run.directory);
    expect(code).toBe(1);
    expect(stdout).toMatch(/a\.yaml:10: ExchangeRoute default\/all: RefNotFound: .*exchange-ca/);
  });

  it('only warns of what is passed over', async () => {
    const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: web}\n';
    await using run = await Standalone.create({ 'a.yaml': documents(gateway('mail', 443), service) });
    const { stdout, code } = await sentry('validate', run.directory);
    expect(code).toBe(0);
    expect(stdout).toContain('a.yaml:10: warning: v1 Service is not read here and was ignored\n');
  });
});

describe('translate', () => {
  it('prints what would be made, and no secret of it', async () => {
    const authority = await CertificateAuthority.create();
    const own = await authority.issue({ names: ['sentry.example.com'] });
    await using run = await Standalone.create({
      'a.yaml': documents(
        gateway('mail', 443).replace('{selfSigned: {}}', '{certificateRefs: [{name: own}]}'),
        route('all', 'mail', 1),
        configMap('exchange-ca', authority.certificate),
        tlsSecret('own', own),
      ),
    });
    const { stdout, stderr, code } = await sentry('translate', run.directory);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const made = parseAllDocuments(stdout).map((document) => document.toJS() as Record<string, unknown>);
    expect(made[0]).toMatchObject({ gateway: 'default/mail', snapshot: { routes: [{ name: 'all' }] } });
    expect(made.slice(1).map(({ kind }) => kind)).toEqual(expect.arrayContaining(['Deployment', 'Service']));
    expect(stdout).toContain(authority.certificate.trim().split('\n')[1]);
    expect(stdout).not.toContain('PRIVATE KEY');
    expect(stdout).not.toContain(own.key.trim().split('\n')[1]);
    expect(stdout).not.toContain(Buffer.from(own.key).toString('base64').slice(100, 160));
    expect(stdout).toContain('<redacted>');
  });

  it('prints the Certificate that cert-manager would be asked for', async () => {
    const issued = gateway('mail', 443).replace('{selfSigned: {}}', '{issuerRef: {name: letsencrypt}}');
    await using run = await Standalone.create({ 'a.yaml': issued });
    const { stdout, code } = await sentry('translate', run.directory);
    expect(code).toBe(0);
    const made = parseAllDocuments(stdout).map((document) => document.toJS() as Record<string, unknown>);
    expect(made).toMatchObject([{ kind: 'Certificate', spec: { dnsNames: ['sentry.example.com'] } }]);
  });

  it('prints no objects of a cluster for one machine', async () => {
    await using run = await Standalone.create({ 'a.yaml': gateway('mail', 443) });
    const { stdout, code } = await sentry('translate', run.directory, '--target', 'standalone');
    expect(code).toBe(0);
    expect(parseAllDocuments(stdout)).toHaveLength(1);
    expect(await sentry('translate', run.directory)).toMatchObject({ code: 0 });
    await expect(run.state()).rejects.toThrow('ENOENT');
  });
});

describe('status', () => {
  interface Listed {
    readonly items: readonly {
      readonly kind: string;
      readonly metadata: { readonly name: string };
      readonly status: { readonly conditions: readonly { type: string; status: string; reason: string }[] };
    }[];
  }
  const programmedOf = ({ items }: Listed) =>
    items.map(({ kind, metadata, status }) => {
      const condition = status.conditions.find(({ type }) => type === 'Programmed');
      return `${kind} ${metadata.name} ${condition?.status} ${condition?.reason}`;
    });
  const unknown = ['SentryGateway mail Unknown NotRunning', 'ExchangeRoute all Unknown NotRunning'];

  it('is Programmed=Unknown before, True while, and Unknown after a standalone process runs', async () => {
    const { texts, port } = await manifests();
    await using run = await Standalone.create(texts);
    const list = async (): Promise<Listed> => {
      const { stdout, code } = await sentry('status', run.directory, '-o', 'json');
      expect(code).toBe(0);
      return JSON.parse(stdout) as Listed;
    };
    expect(programmedOf(await list())).toEqual(unknown);
    run.start();
    await run.programmed('default/mail', port);
    expect(programmedOf(await list())).toEqual([
      'SentryGateway mail True Programmed',
      'ExchangeRoute all True Programmed',
    ]);
    await run.end('SIGKILL');
    expect(programmedOf(await list())).toEqual(unknown);
    run.start();
    await run.programmed('default/mail', port);
    await run.end();
    expect(programmedOf(await list())).toEqual(unknown);
  });

  it('prints a table as kubectl does, and what phones are to be given', async () => {
    const { texts, port } = await manifests();
    await using run = await Standalone.create(texts);
    run.start();
    await run.programmed('default/mail', port);
    const { stdout, stderr, code } = await sentry('status', run.directory);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toMatch(
      /^NAMESPACE +NAME +HOSTNAME +PORT +ADDRESS +REPLICAS +ACCEPTED +PROGRAMMED +READY\n/,
    );
    expect(stdout).toMatch(
      /^default +sentrygateway\.sentrygateway\.io\/mail +sentry\.example\.com .* True +True +True$/m,
    );
    expect(stdout).toMatch(
      /^default +exchangeroute\.sentrygateway\.io\/all +mail +\["example\.com"\] +True +True +True$/m,
    );
    expect(stdout).toMatch(/^Phones of default\/mail:\n {2}Host +sentry\.example\.com$/m);
    expect(stdout).toContain(`${run.directory}/.sentry/default/mail/ca.crt`);
  });

  it('prints YAML that holds what JSON does', async () => {
    const { texts } = await manifests();
    await using run = await Standalone.create(texts);
    const [yaml, json] = [
      await sentry('status', run.directory, '-o', 'yaml'),
      await sentry('status', run.directory, '-o', 'json'),
    ];
    const [document] = parseAllDocuments(yaml.stdout);
    expect(withoutTimes(JSON.stringify(document?.toJS()))).toBe(
      withoutTimes(JSON.stringify(JSON.parse(json.stdout))),
    );
  });

  it('says on stderr what is refused of the manifests', async () => {
    await using run = await Standalone.create({ 'a.yaml': gateway('mail', 70_000) });
    const { stdout, stderr, code } = await sentry('status', run.directory);
    expect({ stdout, code }).toEqual({ stdout: 'No resources found\n', code: 0 });
    expect(stderr).toContain('a.yaml:5: SentryGateway default/mail: spec.port: ');
  });

  it('says that there is nothing where there is nothing', async () => {
    await using run = await Standalone.create();
    expect(await sentry('status', run.directory)).toMatchObject({ code: 0, stdout: 'No resources found\n' });
  });
});

async function manifests(): Promise<{ texts: Record<string, string>; port: number }> {
  const [port = 0] = await freePorts(1);
  const { certificate } = await CertificateAuthority.create();
  const text = documents(
    gateway('mail', port),
    route('all', 'mail', 1),
    configMap('exchange-ca', certificate),
  );
  return { texts: { 'all.yaml': text }, port };
}

function withoutTimes(text: string): string {
  return text.replaceAll(/"lastTransitionTime":"[^"]*"/g, '');
}
