# Everything a newcomer needs: `make demo` and `make test`. `make` alone lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test check format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/installed: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/installed ## kill the bot with seven requests in seven states, and watch it resume them
	$(BIN)/veobot demo

test: $(VENV)/installed ## the whole test suite
	$(BIN)/pytest --numprocesses $(JOBS) --dist worksteal

check: $(VENV)/installed ## lint, formatting, types, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

LOCK := uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --quiet

lock: ## lock the newest releases that pyproject.toml allows, with hashes (wants uv)
	$(LOCK) --upgrade --all-extras --group build --group test --group check --output-file requirements/dev.txt
	$(LOCK) --upgrade --group build --constraint requirements/dev.txt --output-file requirements/bot.txt

clean: ## remove what the targets above made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
