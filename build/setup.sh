#!/usr/bin/env bash
# Sets up what a make target needs on this machine: `build/setup.sh npm|kubernetes|debian-cluster|debian-images|debian-test|debian-bench …`.
# Does nothing where all is there. Where it cannot help, it says in one line what is missing and how to get it, and exits 1.
# `build/setup.sh kubernetes-path` prints the folder of the Kubernetes programs, built or not.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/go/bin:/usr/sbin:/sbin
cache=${SENTRY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sentry-gateway}
kubernetes_module=test/cluster/native/kubernetes
kubernetes_programs='etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl'

# What goes when this script ends, however it ends.
temporary=() compiler=
clean_up() {
  [ -z "$compiler" ] || kill "$compiler" 2>/dev/null || true
  [ ${#temporary[@]} -eq 0 ] || rm -rf "${temporary[@]}"
}
trap clean_up EXIT

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 1; }

# --- npm -------------------------------------------------------------------------------------------------------------

# Whether node_modules holds exactly the versions of package-lock.json (optional packages of other platforms may be absent).
node_modules_match_lock() {
  node -e '
    const read = (path) => JSON.parse(require("fs").readFileSync(path, "utf8")).packages;
    const installed = read("node_modules/.package-lock.json");
    const stale = ([path, { version, optional, link }]) =>
      path && !link && (installed[path] ? installed[path].version !== version : !optional);
    process.exit(Object.entries(read("package-lock.json")).some(stale) ? 1 : 0);
  '
}

setup_npm() {
  local installed=node_modules/.package-lock.json
  [ -e $installed ] && [ ! package-lock.json -nt $installed ] && return
  # npm replaces node_modules: it must not run on the node in there.
  PATH=$(tr : '\n' <<<"$PATH" | grep -v node_modules | paste -sd:)
  command -v npm >/dev/null || fail 'npm is missing: install Node.js 20 or newer with npm (Debian: apt-get install npm; or https://nodejs.org)'
  if [ -e $installed ] && node_modules_match_lock; then
    touch $installed
    return
  fi
  say 'npm ci (up to a minute) …'
  # npm ci refuses a lockfile that lacks optional packages of other platforms (written where the registry has none of
  # them); npm install takes the same locked versions.
  npm ci --loglevel=silent >&2 || npm install --no-save --loglevel=error >&2 ||
    fail 'npm could not install the dependencies (its message is above): it needs an npm registry'
  node_modules_match_lock || fail 'package-lock.json does not fit package.json: run npm install and commit it'
  touch $installed
}

# --- Kubernetes ------------------------------------------------------------------------------------------------------

kubernetes_version() { sed -nE 's/^require k8s[.]io\/kubernetes (v[0-9.]+)$/\1/p' $kubernetes_module/go.mod; }

kubernetes_path() {
  local hash
  hash=$(cd $kubernetes_module && cat main.go go.mod go.sum | sha256sum | cut -c1-12)
  echo "$cache/kubernetes-$(kubernetes_version)-$hash"
}

setup_kubernetes() {
  local target version
  target=$(kubernetes_path)
  [ -x "$target/kubectl" ] && return
  version=$(kubernetes_version)
  command -v go >/dev/null || fail 'Go 1.26 or newer is missing (it builds Kubernetes for the tests): get it from https://go.dev/dl and put its bin folder in PATH'
  local toolchain
  toolchain=$(cd $kubernetes_module && go env GOVERSION 2>&1) ||
    fail "Go 1.26 or newer is missing (it builds Kubernetes for the tests): get it from https://go.dev/dl; here: ${toolchain//$'\n'/ }"

  local work
  work=$(mktemp -d "$cache/build.XXXXXX")
  temporary+=("$work")
  say "building Kubernetes $version with $toolchain, once per machine (about 10 minutes on two cores, 5 GB in Go's caches) …"
  build_kubernetes "$version" "$work"
  for program in $kubernetes_programs; do ln -s kubernetes "$work/$program"; done
  rm -f "$work/log"
  chmod 755 "$work"
  rm -rf "$target" && mv "$work" "$target"
  say "Kubernetes $version is in $target"
}

# build_kubernetes VERSION FOLDER: compiles the multi-call binary to FOLDER/kubernetes, with a sign of life every 20 seconds.
build_kubernetes() {
  local package=k8s.io/component-base/version major minor started=$SECONDS beat=20
  IFS=. read -r major minor _ <<<"${1#v}"
  (
    cd $kubernetes_module
    CGO_ENABLED=0 exec go build -trimpath -o "$2/kubernetes" \
      -ldflags "-s -w -X $package.gitVersion=$1 -X $package.gitMajor=$major -X $package.gitMinor=$minor" .
  ) >"$2/log" 2>&1 &
  compiler=$!
  while kill -0 $compiler 2>/dev/null; do
    if ((SECONDS - started >= beat)); then
      say "  … still building Kubernetes ($(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s)"
      beat=$((beat + 20))
    fi
    sleep 1
  done
  if ! wait $compiler; then
    tail -n 15 "$2/log" >&2
    fail 'the build of Kubernetes failed (above): it needs a Go module proxy and about 8 GB of disk'
  fi
  compiler=
}

# --- Debian packages -------------------------------------------------------------------------------------------------

# debian PURPOSE PACKAGE=PROBE …: installs the packages whose probe (a command, or a path pattern) finds nothing.
debian() {
  local purpose=$1 missing=() need
  shift
  for need in "$@"; do
    probe "${need#*=}" || missing+=("${need%%=*}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local how="apt-get install --no-install-recommends ${missing[*]}"
  command -v apt-get >/dev/null || fail "$purpose needs ${missing[*]} (names of Debian's packages): install them with this system's package manager"
  [ "$(id -u)" = 0 ] || fail "$purpose needs ${missing[*]}: sudo $how"
  say "installing ${missing[*]} …"
  install_packages "${missing[@]}" || fail "$purpose needs ${missing[*]}, and this failed: $how"
  for need in "$@"; do
    probe "${need#*=}" || fail "$purpose needs ${need#*=}, which ${need%%=*} did not bring"
  done
}

probe() {
  case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# Installs packages without starting, now or at the next boot, the services in them.
install_packages() {
  local policy=/usr/sbin/policy-rc.d log
  log=$(mktemp)
  temporary+=("$log")
  if [ ! -e $policy ]; then
    temporary+=("$policy")
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
  fi
  local install=(apt-get install --yes --quiet --no-install-recommends -o DPkg::Lock::Timeout=300 "$@")
  export DEBIAN_FRONTEND=noninteractive
  if ! "${install[@]}" >"$log" 2>&1; then
    say 'apt-get update …'
    if ! { apt-get update --quiet && "${install[@]}"; } >"$log" 2>&1; then
      tail -n 15 "$log" >&2
      return 1
    fi
  fi
  local service
  for service in containerd nginx haproxy; do
    if [[ " $* " == *" $service "* ]] && command -v systemctl >/dev/null; then
      systemctl disable --quiet $service 2>/dev/null || true
    fi
  done
}

jemalloc='libjemalloc2=/usr/lib/*/libjemalloc.so.2'
setup_debian_cluster() {
  debian 'the native cluster' containerd=containerd runc=runc 'containernetworking-plugins=/usr/lib/cni/ptp' nftables=nft \
    iptables=iptables conntrack=conntrack iproute2=ip util-linux=nsenter gcc=gcc 'libc6-dev=/usr/lib/*/libc.a' "$jemalloc"
}
setup_debian_images() {
  debian 'an image' "$jemalloc"
}
setup_debian_test() {
  debian 'the tests' nginx=nginx haproxy=haproxy libwbxml2-utils=wbxml2xml openssl=openssl curl=curl util-linux=setpriv "$jemalloc"
}
setup_debian_bench() {
  debian 'the benchmark' wrk=wrk nginx=nginx haproxy=haproxy openssl=openssl util-linux=taskset "$jemalloc"
}

# --- main ------------------------------------------------------------------------------------------------------------

[ $# -gt 0 ] || fail 'usage: build/setup.sh npm|kubernetes|debian-cluster|debian-images|debian-test|debian-bench …'
if [ "$1" = kubernetes-path ]; then
  kubernetes_path
  exit
fi
mkdir -p "$cache"
exec 9>"$cache/setup.lock"
if command -v flock >/dev/null && ! flock --nonblock 9; then
  say 'waiting for another setup on this machine …'
  flock 9
fi
for target; do
  case $target in
    npm) setup_npm ;;
    kubernetes) setup_kubernetes ;;
    debian-cluster) setup_debian_cluster ;;
    debian-images) setup_debian_images ;;
    debian-test) setup_debian_test ;;
    debian-bench) setup_debian_bench ;;
    *) fail "unknown target $target: npm, kubernetes, debian-cluster, debian-images, debian-test or debian-bench" ;;
  esac
done
