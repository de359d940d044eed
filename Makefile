# Every target sets up what it needs in .venv by itself.
.PHONY: setup demo test test-long check format bench jars clean
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
export UV_LINK_MODE ?= copy
export TOKENIZERS_PARALLELISM ?= false
export OMP_NUM_THREADS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1
export OMP_WAIT_POLICY ?= PASSIVE

# Servers of tests live for minutes: half of their work would be to compile for hours.
# Two tests run at a time, so each keeps to one thread.
test test-long: export MEMWALK_THREADS ?= 1
test test-long: export OMP_NUM_THREADS := 1
test test-long: export MEMWALK_NEO4J_JAVA ?= -XX:TieredStopAtLevel=1 -XX:+UseSerialGC

help:
	@echo "make demo       documents become a graph, a walk picks units, a model answers"
	@echo "make test       the tests, on a real Neo4j (5.26 LTS and the current release)"
	@echo "make test-long  kill loops and large worlds"
	@echo "make check      ruff, mypy --strict, and Neo4j's own analyser over cypher/"
	@echo "make format     ruff format and fixes"
	@echo "make bench      the benchmarks; results go to benchmarks/LOG.md by hand"

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@test -x $(BIN)/python || python3 -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv -c constraints.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt --editable . --group dev
	@touch $@

node_modules/.ready: package.json
	npm install --no-audit --no-fund --no-package-lock --silent
	@touch $@

demo: setup
	$(BIN)/python -m demo

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadscope

test-long: setup
	$(BIN)/python -m pytest tests/long --timeout=3600 -n 2 --dist worksteal --durations=0 --durations-min=1

check: setup node_modules/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	node tests/lint_cypher.mjs cypher schema

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	for program in benchmarks/bench_*.py; do $(BIN)/python $$program || exit 1; done

jars: setup
	$(BIN)/python -m memwalk.store.server.jars

clean:
	rm -rf $(VENV) node_modules dist
