# Everything a person needs; `make` alone says what there is.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --require-hashes --no-deps
# Compiled files make every start faster.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run demo test lint bench kill clean
.DEFAULT_GOAL := help

help:
	@echo "make run    the whole desk on a simulated market: no account, no token, no key"
	@echo "make test   set everything up and run the tests"
	@echo "make lint   style, types and import contracts"
	@echo "make bench  the benchmarks, as a table"
	@echo "make kill   kill the desk thousands of times (KILLS=2000 BROKER=paper SEED=1)"
	@echo "make clean  remove the environment and what the demo kept"

.venv/runtime.stamp: requirements.lock
	@test -x $(BIN)/python || { echo "setting up: virtual environment"; $(PYTHON) -m venv .venv; }
	@echo "setting up: packages of requirements.lock (about a minute, once)"
	@$(PIP) -r requirements.lock
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/runtime.stamp
	@echo "setting up: packages of requirements-dev.lock for the tests"
	@$(PIP) -r requirements-dev.lock
	@touch $@

setup: .venv/runtime.stamp

run demo: .venv/runtime.stamp
	@$(BIN)/python -m bot demo

test: .venv/dev.stamp
	@$(BIN)/python -m pytest -n 4 --dist loadfile

lint: .venv/dev.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

BENCHES ?= road ledger options
bench: .venv/dev.stamp
	@status=0; for name in $(BENCHES); do $(BIN)/python -m tests.bench $$name || status=1; echo; done; exit $$status

KILLS ?= 2000
BROKER ?= paper
SEED ?= 1
kill: .venv/dev.stamp
	@$(BIN)/python -m tests.kill --kills $(KILLS) --broker $(BROKER) --seed $(SEED)

clean:
	rm -rf .venv var
