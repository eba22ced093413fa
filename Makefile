# Two commands set up everything on a machine that has Python (3.11 or newer) and make:
#   make loop    installs, then runs five iterations of the loop on real images
#   make test    installs, then runs the tests
# and a third shows what was done:
#   make up      Dagster, MLflow, the review desk and the reports, on this machine, until Ctrl-C
# To decide yourself:
#   make review  opens a batch of the digits, and serves the desk until Ctrl-C
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# No library may call home; the Dagster instance of a home switches its own off as well.
export MLFLOW_DISABLE_TELEMETRY := true
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION := false
export DAGSTER_DISABLE_TELEMETRY := yes
export DO_NOT_TRACK := 1

.PHONY: loop up review test test-all check docs setup clean-home lock benchmarks-setup

loop: $(READY)
	$(BIN)/burnish loop --dataset digits --iterations 5 --budget 60 \
		--reviewer simulated --reviewer-accuracy 0.95

# Ports are chosen by `make up UP="--port 3100"`.
up: $(READY)
	$(BIN)/burnish up $(UP)

# Two iterations: one that is decided is closed first, so that a batch is open in any case.
review: $(READY)
	$(BIN)/burnish loop --dataset digits --iterations 2 --budget 60 --reviewer file
	$(BIN)/burnish review $(REVIEW)

test: $(READY)
	$(BIN)/python -m pytest -n 2 -m "not slow" -q --doctest-modules --ignore=burnish/database/migrations burnish tests

test-all: $(READY)
	$(BIN)/python -m pytest -n 2 -q --doctest-modules --ignore=burnish/database/migrations burnish tests

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/sphinx-build -q -W -b html docs docs/_build/html

docs: $(READY)
	$(BIN)/sphinx-build -W -b html docs docs/_build/html

setup: $(READY)

# The lock names every package with its hashes, so pip need not resolve anything.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Burnish needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(READY)

# Burnish and the peers it is measured beside, apart from the environment of the loop.
benchmarks-setup:
	$(PYTHON) -m venv .venv-benchmarks
	.venv-benchmarks/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	.venv-benchmarks/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	.venv-benchmarks/bin/python -m pip install --quiet -r benchmarks/requirements.txt

# Written without the address of any package index.
lock:
	uv pip compile pyproject.toml --extra loop --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-strip-extras -o requirements.lock

clean-home:
	rm -rf .burnish
