# make demo    set up without root, then run everything with synthetic radiographs
# make test    set up with Debian's peers (root, where one is missing), then the whole suite
# make lint    every check that needs no running program
# make bench   the benchmarks against their peers, to benchmarks/results/

PYTHON ?= python3
BIN := .venv/bin
# Two at once: each may hold TensorFlow, about 1 GB. The browser's tests run apart: Playwright keeps an event
# loop in the thread of its tests, in which no other test could run one.
PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=

.PHONY: demo test lint bench setup setup-dev peers clean

demo: setup
	exec $(BIN)/python manage.py up --demo

test: setup-dev peers
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadgroup --ignore tests/browser $(PYTEST_ARGS)
	$(BIN)/python -m pytest tests/browser

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --quiet --check templates apps
	$(BIN)/djlint --quiet --lint templates apps
	$(BIN)/python -m scripts.check_deployment
	$(BIN)/python -m scripts.audit_requirements

bench: setup-dev
	$(BIN)/python -m benchmarks

setup:
	@$(PYTHON) -m scripts.setup

setup-dev:
	@$(PYTHON) -m scripts.setup --dev

peers:
	@scripts/install-peers

clean:
	rm -rf .venv node_modules static/dist build test-artifacts .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
