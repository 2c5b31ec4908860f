// The end comes when it will: before the start is over, between two stages, while an edit is applied.
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { runStandalone } from '../../operator/standalone.ts';
import { gateway } from './manifests.ts';
import { freePorts, Standalone } from './standalone-run.ts';

it.each([0, 10, 50, 150, 160, 200, 300, 500, 800, 1_200])(
  'ends well, and leaves nothing running, when it is told to %i ms after it started',
  async (milliseconds) => {
    const [port = 0, metricsPort = 0] = await freePorts(2);
    await using run = await Standalone.create({ 'a.yaml': gateway('mail', port) });
    const drain = new AbortController();
    const running = runStandalone({
      directory: run.directory,
      address: '127.0.0.1',
      metrics: { host: '127.0.0.1', port: metricsPort },
      environment: process.env,
      clock: { now: () => new Date() },
      log: pino({ level: 'silent' }),
      print: () => undefined,
      drain: drain.signal,
      kill: new AbortController().signal,
    });
    const ended = Promise.allSettled([running]);
    await sleep(milliseconds / 2);
    await run.write('a.yaml', gateway('mail', port, ['sentry.example.com', 'new.example.com']));
    await sleep(milliseconds / 2);
    drain.abort();
    expect(await ended).toEqual([{ status: 'fulfilled', value: 0 }]);
    expect(await run.gatewayProcesses()).toEqual([]);
  },
);
