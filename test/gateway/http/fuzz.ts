// The fuzzer of gateway/http: node test/gateway/http/fuzz.ts [seconds = 30] [seed = random]. Exit 1 with the input that failed.
import { randomInt } from 'node:crypto';
import { checkRequests, checkResponses } from './fuzz-codec.ts';
import { ConnectionFuzzer } from './fuzz-connections.ts';
import { Random } from './fuzz-inputs.ts';

/** Far above what a healthy run needs (about 120 MB), far below what a leak reaches in minutes. */
const MAX_RSS = 600_000_000;
const CHECKS_A_BATCH = 2000;
const CONNECTIONS_A_BATCH = 24;

const [seconds = '30', seed = String(randomInt(2 ** 32))] = process.argv.slice(2);
console.log(`fuzzing for ${seconds} s with seed ${seed}`);
const random = new Random(Number(seed));
const connections = new ConnectionFuzzer(random);
const counts = { requests: 0, responses: 0, accepted: 0, connections: 0 };
const end = performance.now() + Number(seconds) * 1000;
try {
  await connections.start();
  while (performance.now() < end) {
    for (let i = 0; i < CHECKS_A_BATCH; i++) {
      counts.accepted += checkRequests(random);
      checkResponses(random);
    }
    counts.requests += CHECKS_A_BATCH;
    counts.responses += CHECKS_A_BATCH;
    await connections.run(CONNECTIONS_A_BATCH);
    counts.connections += CONNECTIONS_A_BATCH;
    const { rss } = process.memoryUsage();
    if (rss > MAX_RSS) throw new Error(`the process has grown to ${rss} bytes`);
  }
  const rss = Math.round(process.memoryUsage().rss / 1e6);
  console.log(`clean: ${JSON.stringify({ ...counts, rssMB: rss })}`);
} catch (error) {
  console.error(`seed ${seed}, after ${JSON.stringify(counts)}:`, error);
  process.exitCode = 1;
} finally {
  connections.stop();
}
