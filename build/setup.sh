#!/usr/bin/env bash
# Sets up what a make target needs on this machine: `build/setup.sh npm|kubernetes|helm|cert-manager|debian-cluster|debian-images|debian-test|debian-sogo|debian-bench …`.
# Does nothing where all is there. Where it cannot help, it says in one line what is missing and how to get it, and exits 1.
# `build/setup.sh kubernetes-path` prints the folder of the Kubernetes programs, built or not; `helm-path` that of Helm,
# `cert-manager-path` that of cert-manager.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/go/bin:/usr/sbin:/sbin
cache=${SENTRY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sentry-gateway}
kubernetes_module=test/cluster/native/kubernetes
helm_module=test/chart/helm
cert_manager_module=test/cluster/native/cert-manager
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

# --- Go --------------------------------------------------------------------------------------------------------------

# module_version FOLDER MODULE: the version that the folder's go.mod asks for.
module_version() { awk -v module="$2" '$1 == "require" { $1 = ""; $0 = $0 } $1 == module { print $2 }' "$1/go.mod"; }

# module_path NAME FOLDER MODULE: where the program of that Go module is kept: by its version and by all that it is made of.
module_path() {
  local hash
  hash=$(cd "$2" && cat $(compgen -G '*.go') go.mod go.sum | sha256sum | cut -c1-12)
  echo "$cache/$1-$(module_version "$2" "$3")-$hash"
}

# require_go WHAT FOLDER: fails when there is no Go, or none that the folder's go.mod accepts.
require_go() {
  local need="Go 1.26 or newer is missing (it builds $1 for the tests): get it from https://go.dev/dl" toolchain
  command -v go >/dev/null || fail "$need and put its bin folder in PATH"
  toolchain=$(cd "$2" && go env GOVERSION 2>&1) || fail "$need; here: ${toolchain//$'\n'/ }"
}

# build_go NAME FOLDER PACKAGE LDFLAGS TARGET: compiles the package of the Go module in FOLDER to TARGET/NAME, with a sign of
# life every 20 seconds. TARGET appears whole or not at all.
build_go() {
  local work started=$SECONDS beat=20
  work=$(mktemp -d "$cache/build.XXXXXX")
  temporary+=("$work")
  (cd "$2" && CGO_ENABLED=0 exec go build -trimpath -o "$work/$1" -ldflags "-s -w $4" "$3") >"$work/log" 2>&1 &
  compiler=$!
  while kill -0 $compiler 2>/dev/null; do
    if ((SECONDS - started >= beat)); then
      say "  … still building $1 ($(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s)"
      beat=$((beat + 20))
    fi
    sleep 1
  done
  if ! wait $compiler; then
    tail -n 15 "$work/log" >&2
    fail "the build of $1 failed (above): it needs a Go module proxy and about 8 GB of disk"
  fi
  compiler=
  rm -f "$work/log"
  chmod 755 "$work"
  rm -rf "$5" && mv "$work" "$5"
}

# --- Kubernetes ------------------------------------------------------------------------------------------------------

kubernetes_path() { module_path kubernetes $kubernetes_module k8s.io/kubernetes; }

setup_kubernetes() {
  local target version package=k8s.io/component-base/version major minor program
  target=$(kubernetes_path)
  [ -x "$target/kubectl" ] && return
  version=$(module_version $kubernetes_module k8s.io/kubernetes)
  IFS=. read -r major minor _ <<<"${version#v}"
  require_go Kubernetes $kubernetes_module
  say "building Kubernetes $version, once per machine (about 10 minutes on two cores, 5 GB in Go's caches) …"
  build_go kubernetes $kubernetes_module . \
    "-X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor" "$target"
  for program in $kubernetes_programs; do ln -s kubernetes "$target/$program"; done
  say "Kubernetes $version is in $target"
}

# --- Helm ------------------------------------------------------------------------------------------------------------

helm_path() { module_path helm $helm_module helm.sh/helm/v4; }

setup_helm() {
  local target version
  target=$(helm_path)
  [ -x "$target/helm" ] && return
  version=$(module_version $helm_module helm.sh/helm/v4)
  require_go Helm $helm_module
  say "building Helm $version, once per machine (about 3 minutes on two cores) …"
  build_go helm $helm_module helm.sh/helm/v4/cmd/helm "-X helm.sh/helm/v4/internal/version.version=$version" "$target"
  say "Helm $version is in $target"
}

# --- cert-manager ----------------------------------------------------------------------------------------------------

cert_manager_path() { module_path cert-manager $cert_manager_module github.com/cert-manager/cert-manager; }

# The program, and in crds/ beside it cert-manager's own CRDs.
setup_cert_manager() {
  local target version source
  target=$(cert_manager_path)
  [ -d "$target/crds" ] && return
  version=$(module_version $cert_manager_module github.com/cert-manager/cert-manager)
  require_go cert-manager $cert_manager_module
  say "building cert-manager $version, once per machine (about 2 minutes on two cores) …"
  build_go cert-manager $cert_manager_module . '' "$target"
  source=$(cd $cert_manager_module && go list -m -f '{{.Dir}}' github.com/cert-manager/cert-manager)
  mkdir "$target/crds.new" && cp --no-preserve=mode "$source"/deploy/crds/*.yaml "$target/crds.new"
  mv "$target/crds.new" "$target/crds"
  say "cert-manager $version is in $target"
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
  for service in containerd nginx haproxy postgresql memcached dovecot sogo; do
    if [[ " $*" == *" $service"* ]] && command -v systemctl >/dev/null; then
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
setup_debian_sogo() {
  debian 'the test with SOGo' sogo=sogod sogo-activesync=/usr/lib/GNUstep/SOGo/ActiveSync.SOGo dovecot-imapd=/usr/lib/dovecot/imap \
    dovecot-lmtpd=/usr/lib/dovecot/lmtp 'postgresql=/usr/lib/postgresql/*/bin/initdb' memcached=memcached nginx=nginx \
    libwbxml2-utils=wbxml2xml util-linux=setpriv
}
setup_debian_bench() {
  debian 'the benchmark' wrk=wrk nginx=nginx haproxy=haproxy openssl=openssl util-linux=taskset "$jemalloc"
}

# --- main ------------------------------------------------------------------------------------------------------------

[ $# -gt 0 ] || fail 'usage: build/setup.sh npm|kubernetes|helm|cert-manager|debian-cluster|debian-images|debian-test|debian-sogo|debian-bench …'
case $1 in
  kubernetes-path) kubernetes_path && exit ;;
  helm-path) helm_path && exit ;;
  cert-manager-path) cert_manager_path && exit ;;
esac
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
    helm) setup_helm ;;
    cert-manager) setup_cert_manager ;;
    debian-cluster) setup_debian_cluster ;;
    debian-images) setup_debian_images ;;
    debian-test) setup_debian_test ;;
    debian-sogo) setup_debian_sogo ;;
    debian-bench) setup_debian_bench ;;
    *) fail "unknown target $target: npm, kubernetes, helm, cert-manager, debian-cluster, debian-images, debian-test, debian-sogo or debian-bench" ;;
  esac
done
