# What people type. Each target first brings what it needs (tools/setup.mjs: a moment when it is there) and then runs
# one script with the pinned tools first in PATH (tools/env.sh).
.DEFAULT_GOAL := help
.PHONY: help dev fuzz test test-core test-npm test-worker test-clients test-browser parity bench build deploy fmt lint clean

SETUP := node tools/setup.mjs
TOOLS := . ./tools/env.sh &&
# One make at a time works in a folder's outputs, and the scripts use the cores themselves.
.NOTPARALLEL:

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 16

dev: ## set up, check parity, seed the registry and serve (FF_HOST=127.0.0.1 FF_PORT=8787)
	@$(SETUP) worker
	@$(TOOLS) exec node worker/dev.mjs

test: ## set up and run every test
	@$(SETUP) all
	@$(TOOLS) exec node tools/test.mjs

test-core: ## the native crates
	@$(SETUP) core
	@$(TOOLS) exec node tools/test.mjs core

test-npm: ## the npm package: in wasm, packed and installed in Node, a browser and workerd
	@$(SETUP) npm browser
	@$(TOOLS) exec node tools/test.mjs npm

test-worker: ## the Worker on the real runtime
	@$(SETUP) worker parser schemathesis
	@$(TOOLS) exec node tools/test.mjs worker

test-clients: ## stock OpenFeature clients against the Worker
	@$(SETUP) clients
	@$(TOOLS) exec node tools/test.mjs clients

test-browser: ## the debug page in a browser
	@$(SETUP) worker browser
	@$(TOOLS) exec node tools/test.mjs browser

parity: ## the vectors against the oracle and the npm package, and the differential test
	@$(SETUP) npm
	@$(TOOLS) exec node tools/test.mjs parity

fuzz: ## search for inputs that break something (FUZZ_SECONDS=60 for each kind; ARGS="snapshot" for one)
	@$(SETUP) fuzz
	@$(TOOLS) exec node fuzz/run.mjs $(ARGS)

bench: ## burgee beside its peers, natively, in Node and at the edge (ARGS="native --json FILE" to narrow it and to keep the numbers)
	@$(SETUP) worker
	@$(TOOLS) exec node bench/run.mjs $(ARGS)

build: ## the npm package, the Workers and the debug page
	@$(SETUP) worker
	@$(TOOLS) node npm/build.mjs && node worker/build.mjs && node www/build.mjs

deploy: build ## ship both Workers to the account wrangler is logged in to (ARGS=--dry-run to see what would go)
	@$(TOOLS) exec node worker/deploy.mjs $(ARGS)

fmt: ## format the Rust code
	@$(SETUP) core
	@cargo fmt --all

lint: ## check the format, and clippy for the machine and for wasm
	@$(SETUP) core
	@$(TOOLS) exec node tools/test.mjs lint

clean: ## remove what was built; the tools in the user's cache stay
	@cargo clean --quiet
	@rm -rf npm/dist worker/build objects/build www/dist
