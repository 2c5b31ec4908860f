import { describe, expect, test } from 'vitest';
import { parseHosts, parseSearchRules, searchedNames } from './system-files.ts';

describe('hosts', () => {
  test('names addresses, of several lines and with comments, IPv4 first', () => {
    const hosts = parseHosts(
      [
        '# Kubernetes-managed hosts file.',
        '127.0.0.1\tlocalhost',
        '::1\tlocalhost ip6-localhost ip6-loopback',
        '',
        '2001:db8::7  MBX1.corp.example.com mbx1 # by hostAliases',
        '10.0.0.7\tmbx1.corp.example.com\tmbx1',
        'nonsense mbx9',
      ].join('\n'),
    );
    expect(hosts.get('mbx1.corp.example.com')).toEqual([
      { address: '10.0.0.7', family: 4 },
      { address: '2001:db8::7', family: 6 },
    ]);
    expect(hosts.get('localhost')?.[0]).toEqual({ address: '127.0.0.1', family: 4 });
    expect(hosts.has('mbx9')).toBe(false);
  });
});

const POD = `search mail.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
options ndots:5
`;

describe('names are asked for', () => {
  test.each<[string, string, string, string[]]>([
    [
      'in a pod',
      'mbx1.corp.example.com',
      POD,
      [
        'mbx1.corp.example.com.mail.svc.cluster.local',
        'mbx1.corp.example.com.svc.cluster.local',
        'mbx1.corp.example.com.cluster.local',
        'mbx1.corp.example.com',
      ],
    ],
    ['with a final dot', 'mbx1.corp.example.com.', POD, ['mbx1.corp.example.com.']],
    [
      'with five dots in a pod',
      'a.b.c.d.e.f',
      POD,
      [
        'a.b.c.d.e.f',
        'a.b.c.d.e.f.mail.svc.cluster.local',
        'a.b.c.d.e.f.svc.cluster.local',
        'a.b.c.d.e.f.cluster.local',
      ],
    ],
    ['without search domains', 'mbx1.corp', 'nameserver 192.0.2.53', ['mbx1.corp']],
    ['by the last of search and domain', 'mbx1', 'search a b\ndomain c ; comment', ['mbx1.c', 'mbx1']],
    [
      'with a dot where nothing is said',
      'mbx1.corp',
      'search example.com',
      ['mbx1.corp', 'mbx1.corp.example.com'],
    ],
  ])('%s', (_, name, file, asked) => {
    expect(searchedNames(name, parseSearchRules(file, 'host'))).toEqual(asked);
  });

  test("in this machine's own domain where the file says nothing", () => {
    expect(searchedNames('mbx1', parseSearchRules('', 'gateway.corp.example.com'))).toEqual([
      'mbx1.corp.example.com',
      'mbx1',
    ]);
  });
});
