# LatentDX. `make site` and `make test` each set everything up by themselves; `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
PROFILE ?= laptop
CORPUS ?= learnfm
NOTES ?= single
MODELS ?=
BIN := .venv/bin
DOIT := $(BIN)/doit profile=$(PROFILE)

# The stamp carries a checksum of what was installed, so that a fresh checkout's dates install nothing twice.
INSTALLED := .venv/.installed-$(shell cat requirements.lock pyproject.toml 2>/dev/null | cksum | tr ' ' -)

# librosa compiles at its first use, into files that two processes which do so at once spoil for good (a crash).
COMPILE = import numpy; from latentdx.audio.pitch import estimate; estimate(numpy.sin(numpy.arange(22050, dtype="f4") / 16))

# Prints how long a stage took, under its name.
TIMED = TIMEFORMAT='== $(1): %0lR'; time

.PHONY: help install site lab reproduce train evaluate check fast test release lock clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 20
	@echo
	@echo "PROFILE=smoke|laptop|paper chooses the notebooks' parameters (book/profiles), PYTHON=... the interpreter."
	@echo "make site ORIGINALS=1 shows the parameters of the paper's own presets too; such a site is not to be published."

# ORIGINALS=1 adds the parameters of the paper's presets, for a site to keep to oneself; never in CI.
site: $(INSTALLED)  ## build the book into build/PROFILE/_build/html
	$(DOIT) site
	@echo "Open build/$(PROFILE)/_build/html/index.html"

# Jupyter itself drops uploads over 10 MB, and says nothing.
lab: $(INSTALLED)  ## open the chapter "Program your own sound" in JupyterLab, to play with
	$(BIN)/jupyter lab --ServerApp.tornado_settings='{"websocket_max_message_size": 200000000}' book/own.ipynb

reproduce: $(INSTALLED)  ## make again what data/ ships: fetch, curate, render, promote (NOTES=six for all six notes)
	$(DOIT) corpus=$(CORPUS) notes=$(NOTES) reproduce

# one at a time, for each uses all cores
train: $(INSTALLED)  ## train the laptop models; goes on where it stopped (MODELS="numcat++ latentdx" for some)
	$(DOIT) -n 1 models="$(MODELS)" train

evaluate: $(INSTALLED)  ## measure anchors and trained models on the test set into data/results (MODELS as above)
	$(DOIT) -n 1 models="$(MODELS)" listening

check: $(INSTALLED)  ## format, lint, layers and types only
	@mkdir -p build
	@$(call TIMED,ruff) { $(BIN)/ruff check && $(BIN)/ruff format --check; }
	@$(call TIMED,import-linter) { $(BIN)/lint-imports --no-cache > build/imports.txt || { cat build/imports.txt; exit 1; }; }
	@$(call TIMED,mypy) $(BIN)/mypy

# each worker on one thread, or they would wait for each other
fast: check  ## lint, types, and the tests that need neither a browser nor a site nor much time
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m "not browser and not slow and not site" tests

test: check  ## everything: lint, types, all tests, the smoke site (which runs every notebook), the browser
	$(BIN)/python -m pytest --nbval-lax --nbval-current-env tests

release: $(INSTALLED)  ## build wheel, sdist and what is published beside them into build/release
	rm -rf build/release
	$(BIN)/python -m latentdx_book.build.release --out build/release
	$(BIN)/python -m build --outdir build/release

install: $(INSTALLED)  ## only make .venv from the lock

$(INSTALLED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "LatentDX needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not there)." >&2; \
		echo "Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing $$(grep -c == requirements.lock) pinned packages into .venv; the first time takes some minutes."
	@$(PYTHON) -m venv .venv
	@$(call TIMED,install) { $(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.lock \
		&& $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --editable . \
		&& $(BIN)/python -c '$(COMPILE)'; }
	@rm -f .venv/.installed-*
	@touch $@

# PyTorch's CUDA libraries stay out: the CPU build needs none, and pip adds the right ones to the CUDA build.
lock:  ## pin again what pyproject.toml asks for (keeps pins that still fit; delete the lock to take the newest)
	$(PYTHON) -m venv build/uv
	build/uv/bin/python -m pip install -qq --disable-pip-version-check uv
	build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --all-extras \
		--no-annotate --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml
	sed -i.bak -E '/^(nvidia|cuda|triton)[a-z0-9-]*==/d' requirements.lock && rm requirements.lock.bak

clean:  ## remove everything built, except .venv
	rm -rf build book/media
