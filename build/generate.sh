#!/usr/bin/env bash
# Writes the generated files anew (needs Helm: build/setup.sh helm), or with --check fails when a committed one differs.
set -euo pipefail
cd "$(dirname "$0")/.."
node build/generate-crds.ts "$@"
node build/generate-reference.ts "$@"
node build/generate-chart.ts "$@"
node build/generate-conformance.ts "$@"
