// The words of the `sentry` command, and what is said to those who use it wrongly.

export const help = `Usage: sentry <command> DIR [options]

Runs and inspects Exchange ActiveSync gateways from a directory of manifests
(SentryGateway, ExchangeRoute, Secret, ConfigMap, Namespace in *.yaml, *.yml, *.json).

Commands:
  standalone DIR   Run the gateways of DIR on this machine and apply edits while they run.
  status DIR       Show the state of the gateways and routes of DIR, and what phones are to be given.
  validate DIR     Check the manifests of DIR: a line "file:line: message" for each problem.
  translate DIR    Print as YAML what would be made of the manifests of DIR; secrets are redacted.

Options of standalone:
  --address A             Address of this machine on which phones connect (default 127.0.0.1).
  --metrics-address M     host:port of /metrics, /healthz and /readyz (default 127.0.0.1:9090).

Options of status:
  -o, --output FORMAT     table, yaml or json (default table).

Options of translate:
  --target TARGET         cluster or standalone (default cluster).

Other options:
  -h, --help              Show this help.
  --version               Show the version.

Exit codes: 0 done, 1 failed, 2 wrong usage.
`;

/** Wrong arguments: the message says which. The command prints it with the help and exits with 2. */
export class UsageError extends Error {}
