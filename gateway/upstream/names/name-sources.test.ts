// Names by real files and a real name server.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DnsServer } from '../../../test/peers/dns-server.ts';
import { NameError } from './addresses.ts';
import { DnsSource } from './dns-source.ts';
import { NameSources } from './name-sources.ts';
import { SystemSource } from './system-source.ts';

let folder: string;
let dns: DnsServer;
let sources: NameSources;
let now = 0;
const systemAsked: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'names-'));
  await writeFile(path.join(folder, 'resolv.conf'), 'search mail.svc.cluster.local\noptions ndots:5\n');
  await writeFile(path.join(folder, 'hosts'), '10.0.0.7 alias.corp\n');
  dns = await DnsServer.start({
    names: {
      'mbx1.corp': ['192.0.2.1', '2001:db8::1', '192.0.2.2'],
      'service.mail.svc.cluster.local': ['10.1.0.1'],
      'alias.corp': ['192.0.2.99'],
    },
  });
  const clock = { now: () => now };
  systemAsked.length = 0;
  sources = new NameSources({
    clock,
    hosts: path.join(folder, 'hosts'),
    dns: new DnsSource({ clock, resolvConf: path.join(folder, 'resolv.conf'), servers: [dns.address] }),
    system: {
      resolve: (name) => {
        systemAsked.push(name);
        if (name !== 'only.ldap') return Promise.reject(new NameError('ENOTFOUND', name));
        return Promise.resolve({ addresses: [{ address: '10.9.9.9', family: 4 }], ttlMs: 1 });
      },
    },
  });
});

afterEach(async () => {
  dns.stop();
  await rm(folder, { recursive: true });
});

const look = async (name: string): Promise<readonly string[] | string> => {
  try {
    return (await sources.resolve(name)).addresses.map(({ address }) => address);
  } catch (error) {
    return (error as NameError).code;
  }
};

describe('a name', () => {
  test('of DNS has the addresses of both families, IPv4 first', async () => {
    expect(await look('mbx1.corp')).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::1']);
    expect(await sources.resolve('mbx1.corp')).toMatchObject({ ttlMs: 60_000 });
    expect(dns.questions[0]).toBe('mbx1.corp.mail.svc.cluster.local');
  });

  test('is found in the search domains', async () => {
    expect(await look('service')).toEqual(['10.1.0.1']);
  });

  test('in hosts is not asked for anywhere else', async () => {
    expect(await look('ALIAS.corp')).toEqual(['10.0.0.7']);
    expect(dns.questions).toEqual([]);
  });

  test('is found in hosts when hosts has changed', async () => {
    expect(await look('mbx2.corp')).toBe('ENOTFOUND');
    await writeFile(path.join(folder, 'hosts'), '10.0.0.8 mbx2.corp\n');
    now += 5_000;
    expect(await look('mbx2.corp')).toEqual(['10.0.0.8']);
    expect(await look('alias.corp')).toEqual(['192.0.2.99']);
  });

  test('is searched for by changed rules when resolv.conf has changed', async () => {
    await look('mbx1.corp');
    dns.names.set('service.other', ['10.1.0.2']);
    await writeFile(path.join(folder, 'resolv.conf'), 'search other\n');
    now += 5_000;
    expect(await look('service')).toEqual(['10.1.0.2']);
  });

  test('that DNS does not know is asked of the system', async () => {
    expect(await look('only.ldap')).toEqual(['10.9.9.9']);
    expect(await look('nowhere.corp')).toBe('ENOTFOUND');
    expect(systemAsked).toEqual(['only.ldap', 'nowhere.corp']);
  });

  test.each(['SERVFAIL', 'silence'] as const)('is not known at the moment after %s', async (verdict) => {
    dns.otherwise = verdict;
    expect(await look('mbx9.corp.')).toBe('EAI_AGAIN');
    expect(systemAsked).toEqual([]);
  });
});

describe('the system', () => {
  test('knows localhost, and finds no more than one new name at a time', async () => {
    const system = new SystemSource();
    const first = system.resolve('localhost');
    await expect(system.resolve('other')).rejects.toMatchObject({ code: 'EAI_AGAIN' });
    expect((await first).addresses.length).toBeGreaterThan(0);
  });
});
