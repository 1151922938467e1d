# netvsc-operator: `make help` lists what there is.
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
SHELL := /bin/bash -o pipefail

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
STAGE = @tests/stage.sh

.PHONY: help
help: ## list every target with a line
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: require
require: ## check what the machine must have; print the one apt line if something is missing
	@tests/require.sh

$(READY): requirements.lock pyproject.toml | require
	@echo "setting up .venv (once) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: setup
setup: $(READY) ## make .venv from the lock file

.PHONY: install
install: VENV ?= $(HOME)/netvsc
install: EXTRAS ?= operator deviceplugin
install: ## the commands for people, of what the lock names: make install VENV=~/netvsc EXTRAS=operator
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes \
	  -r <(PYTHONPATH=tests $(PYTHON) -m supply_chain.locked $(EXTRAS))
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation .
	@ls $(VENV)/bin/*netvsc*

.PHONY: fdpipe
fdpipe: ## build the C program: released, simulator's and sanitizer's builds
	@$(MAKE) --no-print-directory -s -C fdpipe all

.PHONY: drivers
drivers: $(READY) ## write the C table of VF drivers from netvsc/drivers.py
	$(BIN)/python -m fdpipe.drivers > fdpipe/lib/driver_table.new.h
	mv fdpipe/lib/driver_table.new.h fdpipe/lib/driver_table.h

.PHONY: demo
demo: $(READY) ## see a pair discovered, allocated, announced, revoked and announced again
	@$(MAKE) --no-print-directory -s -C fdpipe build/fdpipe build/fdpipe-sim
	@PYTHONPATH=tests $(BIN)/python -m sim.demo

.PHONY: lint
lint: $(READY) ## ruff, mypy --strict, import contracts (Python and C), clang-format, shellcheck
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/unit/fdpipe/test_layers.py tests/unit/test_repository_rules.py tests/unit/docs/test_architecture.py
	$(BIN)/clang-format --dry-run -Werror $$(git ls-files 'fdpipe/*.c' 'fdpipe/*.h' 'tests/*.c')
	shellcheck $$(git ls-files '*.sh' .ci/run)

.PHONY: format
format: $(READY) ## format Python and C in place
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $$(git ls-files 'fdpipe/*.c' 'fdpipe/*.h' 'tests/*.c')

.PHONY: test
test: $(READY) fdpipe ## unit and kernel tests and short fuzzing, as root or not; about 6 minutes
	$(BIN)/python -m pytest -m 'not dpdk and not cluster' tests/unit tests/kernel tests/fuzz

.PHONY: fuzz
fuzz: $(READY) ## every fuzz target for long, seeded (docs/fuzzing.md)
	PYTHONPATH=tests $(BIN)/python -m fuzz --runs 100000

.PHONY: mutants
mutants: $(READY) ## plant faults in the pure modules, list what no test sees: make mutants ARGS="cni --seconds 600"
	PYTHONPATH=tests nice $(BIN)/python -m mutants $(ARGS)

.PHONY: test-dpdk
test-dpdk: $(READY) fdpipe ## stock DPDK loses its VF and lives; root, installs Debian's DPDK
	@tests/need-root.sh test-dpdk
	$(BIN)/python -m pytest tests/dpdk

.PHONY: compatibility
compatibility: $(READY) ## write the last results of test-dpdk into docs/compatibility.md
	PYTHONPATH=tests $(BIN)/python -m dpdk.compatibility

.PHONY: e2e
e2e: $(READY) ## a real Kubernetes on this machine; root, the first build takes minutes
	@tests/need-root.sh e2e
	@tests/cluster/setup.sh
	@$(MAKE) --no-print-directory fdpipe
	$(BIN)/python -m pytest tests/cluster
	$(BIN)/python -m pytest -m cluster tests/kernel

.PHONY: cluster
cluster: $(READY) ## start a Kubernetes with a simulated three-NIC host for yourself; root
	@tests/need-root.sh cluster
	@tests/cluster/setup.sh
	@$(MAKE) --no-print-directory fdpipe
	@PYTHONPATH=tests $(BIN)/python -m cluster.playground

.PHONY: cluster-down
cluster-down: $(READY) ## end it, without a trace
	@PYTHONPATH=tests $(BIN)/python -m cluster.harness down

.PHONY: manifests
manifests: $(READY) ## render the chart into manifests/
	@PYTHONPATH=tests $(BIN)/python -m cluster.chart.rendering

.PHONY: metrics
metrics: $(READY) ## write docs/metrics.md from what the programs export
	@PYTHONPATH=tests $(BIN)/python -m docs_check.metrics

.PHONY: pictures
pictures: $(READY) ## draw the dashboards into docs/pictures, from a modelled hour
	@PYTHONPATH=tests $(BIN)/python -m cluster.monitoring docs/pictures

.PHONY: arm64
arm64: ## cross-build fdpipe for arm64 and run it under qemu
	@image/arm64.sh

REGISTRY ?= netvsc.io
TAG ?= $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

.PHONY: images
images: $(READY) ## both images as archives, with an SBOM each: make images REGISTRY=example.azurecr.io TAG=0.1.0; root
	@tests/need-root.sh images
	@tests/cluster/setup.sh
	@$(MAKE) --no-print-directory fdpipe
	@PYTHONPATH=tests $(BIN)/python -m cluster.harness images $(REGISTRY) $(TAG)
	@PYTHONPATH=tests $(BIN)/python -m supply_chain sbom

.PHONY: licences
licences: $(READY) ## write docs/licences.md from the images that were built last
	@PYTHONPATH=tests $(BIN)/python -m supply_chain licences

.PHONY: audit
audit: ## known vulnerabilities in what the lock pins (needs pip-audit and the internet)
	pip-audit --strict --disable-pip --require-hashes -r requirements.lock

.PHONY: check
check: ## everything CI runs, stage by stage, with the time of each
	$(STAGE) setup lint test test-dpdk e2e

.PHONY: chaos
chaos: $(READY) ## five minutes of kills, cuts and flaps in a real cluster, seeded (docs/chaos.md); root
	@tests/need-root.sh chaos
	@tests/cluster/setup.sh
	@$(MAKE) --no-print-directory fdpipe
	$(BIN)/python -m pytest -s tests/cluster/chaos/test_chaos.py -k breaks_nothing

.PHONY: soak
soak: $(READY) fdpipe ## the long counts, seeded; run before a release
	NETVSC_SOAK_ROUNDS=1000 $(BIN)/python -m pytest -s tests/kernel/test_fdpipe_storm.py
	@tests/need-root.sh "soak with DPDK"
	NETVSC_SOAK=1 $(BIN)/python -m pytest -rP tests/dpdk tests/kernel/test_cni_crash.py tests/kernel/test_cni_killed.py
	NETVSC_SOAK=1 $(MAKE) --no-print-directory chaos

.PHONY: bench
bench: $(READY) fdpipe ## measure against the budgets; prints a table, writes bench/out/*.json
	PYTHONPATH=.:tests $(BIN)/python -m bench

.PHONY: lock
lock: ## resolve requirements.lock anew, nothing younger than two weeks (needs uv)
	uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-emit-index-url --quiet --upgrade \
	  --exclude-newer "$$(date -u -d '14 days ago' +%FT00:00:00Z)" -o requirements.lock

.PHONY: clean
clean: ## remove what was built, .venv included
	@$(MAKE) --no-print-directory -s -C fdpipe clean
	rm -rf .venv bench/out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
