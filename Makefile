# A machine needs python3 (with venv) and make. Everything else is installed into
# $(VENV), once, and again when pyproject.toml changes.

PYTHON ?= python3
VENV ?= .venv
DJANGO ?= Django
EXTRAS ?= dev,bench
ARGS ?=
CHAOS_MINUTES ?= 15
CHAOS_SEED ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help venv demo test chaos lint check docs bench clean

help: ## Show this list
	@echo "make TARGET, where TARGET is one of"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-7s %s\n", $$1, $$2 }' Makefile

venv: $(VENV)/.installed ## Make the virtual environment for development

demo: $(VENV)/.installed-demo ## Watch an order survive the death of its worker
	@$(BIN)/python -m example_project.demo

test: $(VENV)/.installed ## Run the tests on SQLite and on PostgreSQL (ARGS="-k sleep")
	@$(BIN)/python -m tests.databases $(ARGS)

chaos: $(VENV)/.installed ## Kill, freeze and cut for CHAOS_MINUTES (CHAOS_SEED=1 repeats)
	@CHAOS_MINUTES=$(CHAOS_MINUTES) CHAOS_SEED=$(CHAOS_SEED) \
	    $(BIN)/python -m tests.databases tests/chaos tests/properties $(ARGS)

lint: $(VENV)/.installed ## Check format, lint, types, imports, migrations and docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run
	@$(MAKE) --no-print-directory docs

check: lint test ## Run lint and test

docs: $(VENV)/.installed ## Build the documentation into docs/_build/html
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html docs docs/_build/html

bench: $(VENV)/.installed ## Measure the speed (ARGS="--quick", ARGS="steps --peer dbos")
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## Remove the virtual environments and everything that was built
	rm -rf .venv .venv-* docs/_build build dist
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "Installing the development tools into $(VENV) (once; a minute or two) ..."
	@$(PIP) install --editable '.[$(EXTRAS)]' '$(DJANGO)'
	@touch $@

$(VENV)/.installed-demo: pyproject.toml | $(BIN)/python
	@echo "Installing what the demo needs into $(VENV) (once) ..."
	@$(PIP) install --editable '.[client,channels]' '$(DJANGO)'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "django_durable needs Python 3.11 or newer, and $(PYTHON) is not: try make PYTHON=python3.13" >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments here. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	    exit 1; }
	@echo "Making a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
