# Everything a user or a developer runs. Each target sets up what it needs; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help install.yaml demo test test-fast lint generate bench fuzz images cluster clean setup setup-test setup-sogo setup-cluster setup-helm setup-cert-manager setup-images setup-bench

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z.-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## Two Exchanges, an identity provider, the gateway and phones: a story with figures (KEEP=1 stays)
	@node test/demo/main.ts $(if $(KEEP),--keep)

test: setup setup-test setup-sogo setup-cluster setup-helm setup-cert-manager images ## All tests, with a real API server, kubelet, nginx, HAProxy and SOGo
	@build/test.sh

test-fast: setup setup-test ## The tests that need neither a cluster nor load (at most 2 minutes)
	@build/test.sh unit gateway

lint: setup setup-helm ## Types, oxlint, prettier, knip, import rules, licences, generated files
	@build/lint.sh

generate: setup setup-helm ## Write crds/, config/ and docs/reference/ anew from operator/api and charts/
	@build/generate.sh

bench: setup setup-bench setup-cluster setup-helm images ## Ratios to nginx and HAProxy of the same run: name, value, goal
	@node test/bench/main.ts $(ONLY)

fuzz: setup ## Fuzz our HTTP, then our WBXML, for FOR seconds each (default 1800)
	@node test/gateway/http/fuzz.ts $(or $(FOR),1800)
	@node test/gateway/eas/fuzz.ts --seconds $(or $(FOR),1800)

install.yaml: ## dist/install.yaml: everything that `kubectl apply --server-side -f` needs to install the operator
	@mkdir -p dist
	@for part in namespace crds operator; do echo ---; cat config/$$part.yaml; done >dist/install.yaml
	@echo dist/install.yaml

images: setup setup-images ## dist/images/*.tar, without Docker (docker build works too: see Dockerfile)
	@node build/images.ts

cluster: setup images ## A cluster to play with: kind where Docker works, else a native one (needs root)
	@build/cluster.sh up

clean: ## Remove what was built here; the cache outside the repository stays
	@rm -rf dist coverage node_modules

setup:
	@build/setup.sh npm

setup-test:
	@build/setup.sh debian-test

setup-sogo:
	@build/setup.sh debian-sogo

setup-cluster:
	@build/setup.sh debian-cluster kubernetes

setup-helm:
	@build/setup.sh helm

setup-cert-manager:
	@build/setup.sh cert-manager

setup-images:
	@build/setup.sh debian-images

setup-bench:
	@build/setup.sh debian-bench
