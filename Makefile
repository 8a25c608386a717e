# One entry for people: `make help`. Recipes only call programs; logic lives in the lakehouse package.
PYTHON  ?= python3.11
ENGINE  ?= $(or $(LAKEHOUSE_ENGINE),sail)
SCALE   ?= 1
HOUSEHOLDS ?=
BATCH   ?=
BENCH   ?=
AS_OF   ?= 2018-01-02T00:00:00Z
CAMPAIGN ?= champions_thank_you
BIN     := .venv/bin
PYTEST  := $(BIN)/python -m pytest --numprocesses 3 --dist loadgroup --no-loadscope-reorder
export LAKEHOUSE_ENGINE := $(ENGINE)
# Tests start hundreds of programs: each would compile the project's modules again where a machine keeps no bytecode.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup run up down test-fast test test-soak bench screenshots lint format hooks coverage lock clean

help: ## print every target
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: ENGINE=sail|spark  SCALE=1  HOUSEHOLDS=100 (a small sample)  BATCH=1  AS_OF=$(AS_OF)  CAMPAIGN=$(CAMPAIGN)  PYTHON=$(PYTHON)"

.venv/.ready: requirements/requirements.lock requirements/bootstrap.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "Python 3.11 is needed and '$(PYTHON)' was not found. Install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@found=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); test "$$found" = 3.11 || { echo "Python 3.11 is needed, '$(PYTHON)' $${found:+is }$${found:-does not start (a shim of a version that is not active?)}. Name the right one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3.11-venv"; exit 1; }
	@echo "Setting up .venv (about a minute on first use) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/requirements.lock requirements/bootstrap.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

setup: .venv/.ready ## create the virtual environment with the locked dependencies

run: setup ## build the sample dumps and run the main job on them (ENGINE=spark for Spark)
	@$(BIN)/lakehouse engine check
	@$(BIN)/lakehouse sample build --scale $(SCALE) $(if $(HOUSEHOLDS),--households $(HOUSEHOLDS))
	@$(BIN)/lakehouse run --campaign $(CAMPAIGN) --as-of $(AS_OF)

up: setup ## start Airflow's servers, with the UI on loopback, and the near real time part (Java 17; not with BATCH=1)
	@$(BIN)/lakehouse up
	@test -n "$(BATCH)" || $(BIN)/lakehouse realtime up || { echo "Airflow runs. To start it alone: make up BATCH=1"; exit 1; }

down: ## stop Airflow's servers, the near real time part and the engine; not while a run is at work
	@$(BIN)/lakehouse down

# Three processes on two cores, each with engines of its own: some tests mostly wait. Those on Spark, which take longest, begin.
test-fast: setup ## lint and what a developer runs all day: tests on Sail, without the slow ones
	@$(PYTEST) -m "not spark and not slow and not soak"

test: setup ## lint and all tests, on both engines
	@$(PYTEST)

test-soak: setup ## at length what the other tests sample: kills, orders of arrival, gold on Spark
	@$(PYTEST) -m soak

bench: setup ## measure speed and memory, with peers in the same run
	@$(BIN)/python -m benchmarks $(BENCH)

screenshots: setup ## take the pictures of docs/images again, from a UI that runs (docs/images/take.py says what it needs)
	@LAKEHOUSE=$(BIN)/lakehouse $(or $(SHOTS_PYTHON),python3) docs/images/take.py

lint: setup ## all checks of .pre-commit-config.yaml: ruff, mypy, import-linter, sqlfluff, codespell
	@PRE_COMMIT_HOME=$(CURDIR)/.venv/pre-commit $(BIN)/pre-commit run --all-files

format: setup ## let ruff and sqlfluff fix what they can
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format . ; $(BIN)/sqlfluff fix --config dbt_project/.sqlfluff dbt_project/models dbt_project/tests

hooks: setup ## run the checks of `make lint` on the changed files before every commit
	@$(BIN)/pre-commit install

coverage: setup ## run the fast tests and print the lines that they did not reach
	@$(PYTEST) -m "not spark and not slow and not soak and not lint" --cov

lock: setup ## renew requirements/requirements.lock from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --all-extras --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements/requirements.lock

clean: ## stop everything and remove what was written at run time
	@test ! -x $(BIN)/lakehouse || $(BIN)/lakehouse down
	@rm -rf var dbt_project/target dbt_project/logs .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
