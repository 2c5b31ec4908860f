#!/usr/bin/env bash
# A cluster to play with, `build/cluster.sh up|down`: kind where it and Docker work, else the native one. `up` brings dist/images.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH
name=sentry
shopt -s nullglob
images=(dist/images/*.tar)

has_kind() { command -v kind >/dev/null && docker info >/dev/null 2>&1; }

case ${1-} in
  up)
    if has_kind; then
      kind get clusters 2>/dev/null | grep -qx $name || kind create cluster --name $name --wait 120s
      for image in "${images[@]}"; do kind load image-archive --name $name "$image"; done
      echo "cluster: up; its context in your kubeconfig is kind-$name"
    else
      build/setup.sh debian-cluster kubernetes
      node test/cluster/native/cluster.ts up "${images[@]}"
    fi
    ;;
  down)
    if has_kind; then kind delete cluster --name $name; else node test/cluster/native/cluster.ts down; fi
    ;;
  *)
    echo 'usage: build/cluster.sh up|down' >&2
    exit 2
    ;;
esac
