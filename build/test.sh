#!/usr/bin/env bash
# Runs the test projects that are named (all when none is) one after another, so that none disturbs another's load; then sees that
# the tests on which docs/reference/conformance.md rests have run.
set -euo pipefail
cd "$(dirname "$0")/.."
projects=("$@")
[ ${#projects[@]} -gt 0 ] || projects=(unit gateway sogo chart load apiserver cluster disturbance rights)
rm -rf dist/tests && mkdir -p dist/tests
status=0
for project in "${projects[@]}"; do
  vitest run --project "$project" --reporter=default --reporter=json --outputFile.json="dist/tests/$project.json" || status=1
done
node build/check-conformance.ts $([ $# -gt 0 ] || echo --all) || status=1
exit $status
