// The `sentry` command.
import { createRequire } from 'node:module';
import { parseCommand } from './arguments.ts';
import { help, UsageError } from './usage.ts';

/** Runs one command line and resolves with its exit code. A verb's module is loaded only when it is asked for. */
async function run(argv: readonly string[]): Promise<number> {
  const command = parseCommand(argv);
  switch (command.verb) {
    case 'help':
      process.stdout.write(help);
      return 0;
    case 'version': {
      const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
      process.stdout.write(`sentry ${version}\n`);
      return 0;
    }
    case 'standalone':
      return (await import('./standalone.ts')).standalone(command);
    case 'status':
      return (await import('./status.ts')).status(command);
    case 'validate':
      return (await import('./validate.ts')).validate(command);
    case 'translate':
      return (await import('./translate.ts')).translate(command);
  }
}

try {
  process.exit(await run(process.argv.slice(2)));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) {
    process.stderr.write(`sentry: ${message}\n\n${help}`);
    process.exit(2);
  } else {
    process.stderr.write(`sentry: ${message}\n`);
    process.exit(1);
  }
}
