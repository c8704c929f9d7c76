# Everything goes through these targets; each one first installs what it needs into .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
# Extra words for the commands below: make demo ARGS="encoder=dinov2_nano", make test ARGS="-k matching".
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help setup photos demo app test test-slurm test-all lint format docs clean

help: ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(VENV)/.runtime ## Create .venv and install what a run needs

photos: $(VENV)/.runtime ## Find the coins of a photograph from one that is marked
	$(BIN)/python predict.py references=data/photos/references/coin images=data/photos/targets/coins.jpg $(ARGS)

demo: $(VENV)/.runtime ## Run the main job on the embedded data: prints the AP table and where the pictures lie
	$(BIN)/python train.py $(ARGS)

app: $(VENV)/.app ## Open the page where one clicks on objects: http://127.0.0.1:7860
	$(BIN)/python -m ntt.app $(ARGS)

test: $(VENV)/.develop ## Run the tests, but for the slow ones
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" $(ARGS)

test-slurm: $(VENV)/.develop ## Run the tests of sweeps on Slurm, beside a Slurm started for them (as root)
	tests/slurm/with_slurm.sh $(BIN)/python -m pytest -m slurm $(ARGS)

test-all: $(VENV)/.develop ## Run all tests, on generated input that is new each time
	$(BIN)/python -m pytest -n auto --dist worksteal --hypothesis-profile new-inputs $(ARGS)

lint: $(VENV)/.develop ## Check style and types (ruff, mypy)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.develop ## Let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.develop ## Build the documents into site/, without a network
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open site/index.html"

clean: ## Remove .venv and the tools' caches (runs/ stays)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build site src/*.egg-info

$(VENV)/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || \
		{ echo "Python 3.11 or newer was not found; name it: make setup PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The distribution used to be called `ntt`. Removed later than the new one is installed, it would take ntt-train along.
FORGET_OLD_NAME = if $(BIN)/python -m pip list --disable-pip-version-check --editable | grep -qx "ntt  *[^ ]*  *$(CURDIR)"; \
	then $(BIN)/python -m pip uninstall --quiet --yes ntt; fi; rm -rf src/ntt.egg-info

# torch comes first and sam2 is built without isolation: its build needs torch, and an isolated build would
# download a second one. SAM2_BUILD_CUDA=0: its CUDA extension only smooths masks, and wants a compiler.
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
	$(PIP) --no-build-isolation --editable ".[test,dev,wandb,tensorboard,cluster,app,docs]"
	@touch $@
