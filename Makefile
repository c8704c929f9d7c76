# Each target first installs its dependencies into .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
# Additional arguments for the commands below: make demo ARGS="encoder=dinov2_nano", make test ARGS="-k matching".
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help setup photos demo app test test-slurm test-all lint format docs clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(VENV)/.runtime ## Create .venv and install the runtime dependencies

photos: $(VENV)/.runtime ## Segment the coins in a photograph from one marked coin
	$(BIN)/python predict.py references=data/photos/references/coin images=data/photos/targets/coins.jpg $(ARGS)

demo: $(VENV)/.runtime ## Run train.py on the embedded data; prints the AP table and the path of the figures
	$(BIN)/python train.py $(ARGS)

app: $(VENV)/.app ## Start the page in the browser: http://127.0.0.1:7860
	$(BIN)/python -m ntt.app $(ARGS)

test: $(VENV)/.develop ## Run the tests except slow ones
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" $(ARGS)

test-slurm: $(VENV)/.develop ## Run the tests of sweeps on Slurm; starts a local Slurm (as root)
	tests/slurm/with_slurm.sh $(BIN)/python -m pytest -m slurm $(ARGS)

test-all: $(VENV)/.develop ## Run all tests, with new generated input each time
	$(BIN)/python -m pytest -n auto --dist worksteal --hypothesis-profile new-inputs $(ARGS)

lint: $(VENV)/.develop ## Check style, types and layers (ruff, mypy, import-linter)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

format: $(VENV)/.develop ## Format the code and fix lint errors with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.develop ## Build the documentation in site/, without a network
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open site/index.html"

clean: ## Remove .venv and tool caches (keeps runs/)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build site src/*.egg-info

$(VENV)/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || \
		{ echo "Python 3.11 or newer was not found; set its path: make setup PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The distribution was formerly named `ntt`. Uninstalling it after the new one would also remove ntt-train.
FORGET_OLD_NAME = if $(BIN)/python -m pip list --disable-pip-version-check --editable | grep -qx "ntt  *[^ ]*  *$(CURDIR)"; \
	then $(BIN)/python -m pip uninstall --quiet --yes ntt; fi; rm -rf src/ntt.egg-info

# Install torch first and build sam2 without isolation: its build needs torch, and an isolated build would download
# a second copy. SAM2_BUILD_CUDA=0: the CUDA extension only smooths masks, and needs a compiler.
$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) setuptools wheel
	$(PIP) torch torchvision
	SAM2_BUILD_CUDA=0 $(PIP) --no-build-isolation sam2==1.1.0
	@$(FORGET_OLD_NAME)
	$(PIP) --no-build-isolation --editable .
	@touch $@

$(VENV)/.app: $(VENV)/.runtime
	$(PIP) --no-build-isolation --editable ".[app]"
	@touch $@

$(VENV)/.develop: $(VENV)/.runtime
	$(PIP) --no-build-isolation --editable ".[test,dev,tensorboard,cluster,app,docs]"
	@touch $@
