// `make demo`: the whole product on this machine, told as a short story with measured figures.
import { parseArgs } from 'node:util';
import { Stage } from './stage.ts';
import { tellStory } from './story.ts';
import { Terminal } from './terminal.ts';

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
const terminal = new Terminal();
const stage = await Stage.set();
try {
  const passed = await tellStory(stage, terminal, { drain: !values.keep });
  if (passed && values.keep) await stay(stage);
  process.exitCode = passed ? 0 : 1;
} finally {
  await stage.clear();
}

async function stay({ urls, directory, caFile }: Stage): Promise<void> {
  const { gateway, metrics } = urls;
  const target = '/Microsoft-Server-ActiveSync';
  console.log(`
Everything goes on running. Try, in another terminal:

  bin/sentry status ${directory}
  curl --cacert ${caFile} --resolve sentry.example.com:${new URL(gateway).port}:127.0.0.1 -u alice@example.com:secret -X OPTIONS -i ${gateway}${target}
  curl -s ${metrics}/metrics | grep ^sentry_
  $EDITOR ${directory}/exchange-route.yaml      # an edit is served within two seconds

Exchange: ${urls.exchanges.join(', ')}    identity provider: ${urls.identityProvider}
Press Ctrl-C to drain the gateway and end.`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
}
