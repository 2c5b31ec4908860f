// What MS-ASHTTP says of Autodiscover requests, at the gateway that answers them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GatewayFixture } from '../gateway/pipeline/gateway-fixture.ts';
import { RawPhone } from '../gateway/pipeline/raw-phone.ts';
import { CertificateAuthority } from '../peers/certificates.ts';

const REQUEST = `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006">
  <Request>
    <EMailAddress>alice@example.com</EMailAddress>
    <AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006</AcceptableResponseSchema>
  </Request>
</Autodiscover>`;

describe('Autodiscover through the gateway', () => {
  let gateway: GatewayFixture;
  let phone: RawPhone;

  beforeAll(async () => {
    const authority = await CertificateAuthority.create();
    gateway = await GatewayFixture.start({ authority, routes: [{ match: { domains: ['example.com'] } }] });
    phone = new RawPhone(gateway);
  });

  afterAll(async () => {
    phone.close();
    await gateway.stop();
  });

  test.each(['text/xml', 'text/xml; charset=utf-8', 'text/html'])(
    'takes a request of type %s, and answers with XML',
    async (type) => {
      const answer = await phone.send({
        target: '/autodiscover/autodiscover.xml',
        headers: [['Content-Type', type]],
        body: Buffer.from(REQUEST),
      });
      expect(answer.status).toBe(200);
      expect(answer.header('content-type')).toBe('text/xml; charset=utf-8');
      expect(answer.body.toString()).toMatch(/^<\?xml version="1\.0" encoding="utf-8"\?>\s*<Autodiscover /);
      expect(answer.body.toString()).toContain(`<Url>${gateway.url}/Microsoft-Server-ActiveSync</Url>`);
    },
  );

  test.each(['an empty body', 'no XML', '<Autodiscover/>'])(
    'refuses %s without asking anybody',
    async (text) => {
      const answer = await phone.send({
        target: '/autodiscover/autodiscover.xml',
        headers: [['Content-Type', 'text/xml']],
        body: Buffer.from(text === 'an empty body' ? '' : text),
      });
      expect(answer.body.toString()).not.toContain('<Url>');
    },
  );
});
