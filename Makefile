# Targets are listed by `make help`. Building needs Go and nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

export CGO_ENABLED ?= 0
BUILD := go build -trimpath -ldflags='-s -w'
FUZZTIME ?= 5s
CRASH_CYCLES ?= 50
SEEDS ?= 5000

# The program is built with cmd/graphctl/default.pgo; for tests and checks that
# would be all of it once more.
lint test-go fuzz crash: export GOFLAGS := $(GOFLAGS) -pgo=off

.PHONY: help build demo test test-go test-sampleapps test-ui lint ui ui-fresh screenshots bench bench-ui fuzz crash tools clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

build: ## build bin/graphctl
	$(BUILD) -o bin/graphctl ./cmd/graphctl

bin/company: $(shell find sampleapps -name '*.go' -o -name 'go.*' 2>/dev/null)
	cd sampleapps && $(BUILD) -o ../bin/company ./cmd/company

demo: build bin/company ## run the collector, the page and the sample company; Ctrl-C stops all
	bin/graphctl demo $(DEMO_ARGS)

test: tools lint test-go test-sampleapps test-ui ## everything that CI runs

test-go: ## Go tests with the race detector; those that draw pictures without
	CGO_ENABLED=1 go test -race ./...
	go test ./graph/export/graphviz ./collector/sim
	go test -run 'Picture' ./cmd/graphctl

test-sampleapps: ## the sample company's tests
	cd sampleapps && go vet ./... && CGO_ENABLED=1 go test -race ./...

test-ui: build ui-fresh ## unit tests of the page, and browser tests against the real binary
	cd ui && npm test && npm run e2e

lint: ## formatting, vet, staticcheck, checksums of modules
	@test -z "$$(gofmt -l cmd collector graph sampleapps ui/*.go)" || { gofmt -d cmd collector graph sampleapps ui/*.go; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go mod verify

ui: ui/node_modules/.package-lock.json ## build ui/dist, which is committed
	cd ui && npm run build

ui-fresh: ui # fail if ui/dist is not what its sources build
	@test -z "$$(git status --porcelain ui/dist)" || { git status --short ui/dist; git --no-pager diff --stat ui/dist; \
	echo "ui/dist is not what its sources build: commit the result of 'make ui'"; exit 1; }

screenshots: build bin/company ui/node_modules/.package-lock.json ## take the pictures of docs/screenshots; TRACES=FOLDER has the recorded graph
	cd ui && node e2e/screenshots.mjs

ui/node_modules/.package-lock.json: ui/package-lock.json
	cd ui && npm ci --no-audit --no-fund

bench: ## benchmarks: decode, infer, store, and spans per CPU second over gRPC; BENCH=profile: what the compiler goes by
	.ci/bench

bench-ui: ui/node_modules/.package-lock.json ui/bench/node_modules/.package-lock.json ## the page's budgets, measured beside sigma.js and cytoscape.js
	node ui/bench/run.mjs

ui/bench/node_modules/.package-lock.json: ui/bench/package-lock.json
	cd ui/bench && npm ci --no-audit --no-fund

fuzz: ## every fuzz target for FUZZTIME
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p; done; done

crash: ## kill the server CRASH_CYCLES times under load, and SEEDS simulated ones; compare
	CRASH_CYCLES=$(CRASH_CYCLES) go test -count=1 -timeout 30m -v -run TestCrash ./cmd/graphctl
	go test -count=1 -timeout 30m ./collector/sim -seeds $(SEEDS) -step 1

tools: ## install what the tests need beside Go and Node: Chromium and Graphviz
	@.ci/tools

clean: ## remove what was built
	rm -rf bin
