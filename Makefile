# Thin: where things run is decided by deploy/setup, what a test run is by tests/run.
.DEFAULT_GOAL := help
.PHONY: help build demo test quick stress soak bench coverage format lint clean
IN := @deploy/setup && exec deploy/enter

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1#\2/p' Makefile | column -t -s '#' 2>/dev/null || cat Makefile

build: ## compile into build/ (gcc); the program is build/src/leat
	$(IN) tests/run build

demo: ## a MySQL, a DynamoDB and leat between them, every write operation, and the proof that both are equal
	$(IN) tests/demo

quick: ## what to run after each change: build, unit tests, layers, one end-to-end test
	$(IN) tests/run quick

test: ## everything that decides: gcc and clang, sanitizers, layers, end-to-end tests
	$(IN) tests/run test

stress: ## random kills, faults and loads, minutes long
	$(IN) tests/run stress

soak: ## the same for LEAT_SOAK_MINUTES (60)
	$(IN) tests/run soak

bench: ## measure throughput and latency
	$(IN) tests/run bench

coverage: ## lines of binlog/ that its tests run, a table by file
	$(IN) tests/run coverage

format: ## lay out the C sources by .clang-format
	$(IN) tests/run format

lint: ## layout, layers, scripts
	$(IN) tests/run lint

clean: ## remove what was built here (not the root filesystem of deploy/setup)
	@rm -rf build build-*
