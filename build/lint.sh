#!/usr/bin/env bash
# Every static check; goes on after a failure so that one run shows all of them.
set -uo pipefail
cd "$(dirname "$0")/.."
status=0
check() {
  echo "lint: $*"
  "$@" || status=1
}
check node node_modules/tsgo/bin/tsc --project tsconfig.json
check oxlint --type-aware --deny-warnings .
check prettier --check --log-level warn .
check knip --no-progress
check depcruise --config .dependency-cruiser.json gateway operator cli
check node build/licenses.ts
check build/generate.sh --check
check "$(build/setup.sh helm-path)/helm" lint --strict --quiet charts/sentry-operator
exit $status
