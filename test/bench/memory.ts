// Memory of the gateway: idle, and for each held Ping after phones came, uploaded and left.
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Figure } from './figures.ts';
import { startGateway } from './gateway.ts';
import { holdPings, leave, portOf, startHoldingUpstream, uploadAndLeave } from './held-polls.ts';
import type { BenchSetup } from './main.ts';
import { freePort } from './process.ts';

const PHONES = 2000;
const CHURN_ROUNDS = 3;
/** Long enough for the allocator to give memory back and for the gateway's pools to let idle connections go. */
const SETTLE_MS = 5000;

/** `rss.held-ping-plain-kb`, `rss.held-ping-tls-kb`, `rss.idle-mb`; without a goal what the churn leaves behind. */
export async function measureMemory(setup: BenchSetup): Promise<Figure[]> {
  const plain = await measureHeldPings(setup, undefined);
  const tls = await measureHeldPings(setup, { cert: setup.certificate, key: setup.key });
  return [
    { name: 'rss.held-ping-plain-kb', value: plain.heldPingKb, goal: 60 },
    { name: 'rss.held-ping-tls-kb', value: tls.heldPingKb, goal: 115 },
    { name: 'rss.idle-mb', value: plain.idleMb, goal: 100 },
    { name: 'rss.after-churn-mb', value: plain.afterChurnMb },
  ];
}

async function measureHeldPings(
  setup: BenchSetup,
  tls: { cert: string; key: string } | undefined,
): Promise<{ heldPingKb: number; idleMb: number; afterChurnMb: number }> {
  const server: Server = await startHoldingUpstream(tls);
  const listen = await freePort();
  const gateway = await startGateway({
    ...setup,
    listen,
    upstream:
      tls === undefined ? `http://127.0.0.1:${portOf(server)}` : `https://localhost:${portOf(server)}`,
  });
  try {
    await sleep(SETTLE_MS);
    const idleMb = gateway.residentBytes() / 2 ** 20;
    for (let round = 0; round < CHURN_ROUNDS; round += 1) await uploadAndLeave(listen, setup.ca, PHONES);
    await sleep(SETTLE_MS);
    const before = gateway.residentBytes();
    const phones = await holdPings(listen, setup.ca, PHONES);
    await sleep(SETTLE_MS);
    const held = gateway.residentBytes();
    await leave(phones);
    return { idleMb, afterChurnMb: before / 2 ** 20, heldPingKb: (held - before) / PHONES / 1024 };
  } finally {
    await gateway.stop();
    server.closeAllConnections();
    server.close();
  }
}
