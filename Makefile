# Everything a newcomer needs: `make demo` and `make test`. `make` alone lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
SEEDS ?= 1000
KILLS ?= 50
# The tests' own programs.
PROOF := PYTHONPATH=tests $(BIN)/python -m

.DEFAULT_GOAL := help
.PHONY: help demo test check simulate exhaust mutants chaos cluster-chaos deploy-drill prove night format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

simulate: $(VENV)/installed ## play SEEDS drawn schedules of crashes and faults in virtual time
	$(PROOF) simulation seeds --count $(SEEDS) --jobs $(JOBS)

exhaust: $(VENV)/installed ## die at every single point of a request's life, and at every pair
	$(PROOF) simulation exhaust --jobs $(JOBS)

mutants: $(VENV)/installed ## put known bugs into copies of the code: the simulation must catch each
	$(PROOF) mutants --jobs $(JOBS)

chaos: $(VENV)/installed ## kill, stop and starve the real bot KILLS times while members keep asking
	$(PROOF) chaos.campaign --kills $(KILLS) --jobs $(JOBS)

cluster-chaos: $(VENV)/installed ## 3 workers and 2 gateways on PostgreSQL: end, stop and cut off any of them KILLS times
	$(PROOF) chaos.cluster --kills $(KILLS)

deploy-drill: $(VENV)/installed ## replace every process of a cluster while members ask: does anybody notice?
	$(PROOF) chaos.deploy_drill

NIGHT_SEEDS ?= 1000000
NIGHT_MINUTES ?= 420
NIGHT_KILLS ?= 2000
NIGHT_CLUSTER_KILLS ?= 500
FIGURES := docs/figures

night: $(VENV)/installed ## the proofs at the size of a night, their figures into docs/figures (NIGHT_SEEDS, NIGHT_MINUTES, NIGHT_KILLS, NIGHT_CLUSTER_KILLS)
	mkdir -p $(FIGURES)
	$(PROOF) simulation exhaust --jobs $(JOBS) --json $(FIGURES)/exhaust.json
	$(PROOF) mutants --jobs $(JOBS) --json $(FIGURES)/mutants.json
	$(PROOF) chaos.campaign --kills $(NIGHT_KILLS) --jobs $(JOBS) --long --json $(FIGURES)/chaos.json
	$(PROOF) chaos.cluster --kills $(NIGHT_CLUSTER_KILLS) --json $(FIGURES)/cluster.json
	$(PROOF) simulation seeds --count $(NIGHT_SEEDS) --minutes $(NIGHT_MINUTES) --start 1000000 --jobs $(JOBS) --json $(FIGURES)/simulation.json

prove: ## all four proofs, at the sizes that every change has to pass
	$(MAKE) simulate SEEDS=5000
	$(MAKE) exhaust
	$(MAKE) mutants
	$(MAKE) chaos KILLS=50

format: $(VENV)/installed ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

LOCK := uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --quiet

lock: ## lock the newest releases that pyproject.toml allows, with hashes (wants uv)
	$(LOCK) --upgrade --all-extras --group build --group test --group check --output-file requirements/dev.txt
	$(LOCK) --upgrade --group build --constraint requirements/dev.txt --output-file requirements/bot.txt
	$(LOCK) --upgrade --group build --extra postgres --constraint requirements/dev.txt --output-file requirements/postgres.txt

clean: ## remove what the targets above made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
