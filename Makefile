# Two commands on a fresh machine with Python >= 3.11, git and make: `make demo`, `make test`.
# PIP_ARGS is handed to every `pip install`; the README says what it is good for.

PYTHON ?= python3
PIP_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=
PYTEST_ARGS ?=

.PHONY: demo test lint format venv clean help

help: ## say what there is to make
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

demo: $(VENV)/runtime.stamp ## train on Shakespeare and write a report, about five minutes
	$(BIN)/lexome demo $(DEMO_ARGS)

test: $(VENV)/dev.stamp ## run all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(VENV)/dev.stamp ## check style, types and the order of the floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

venv: $(VENV)/dev.stamp ## make .venv with everything that tests need

clean: ## remove the environment, caches and what the demo wrote
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo

$(VENV)/created.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: lexome needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version)"; \
	  echo "  fix:   make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "error: $(PYTHON) cannot make a virtual environment"; \
	  echo "  fix:   install its venv module (on Debian and Ubuntu: python3-venv)"; exit 1; }
	@touch $@

$(VENV)/runtime.stamp: $(VENV)/created.stamp pyproject.toml constraints.txt
	@echo "installing what lexome needs into $(VENV): a minute or two"
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt -e '.[text]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/created.stamp pyproject.toml constraints.txt
	@echo "installing what lexome and its tests need into $(VENV): a few minutes"
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/runtime.stamp
