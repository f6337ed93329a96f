# LatentDX. `make site` and `make test` also install everything they need; `make help` lists all targets.
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

# The stamp's name holds a checksum of what was installed, so new file dates alone do not cause an installation.
INSTALLED := .venv/.installed-$(shell cat requirements.lock pyproject.toml 2>/dev/null | cksum | tr ' ' -)

# librosa compiles functions at their first use; two processes that do so at once corrupt the files and crash.
COMPILE = import numpy; from latentdx.audio.pitch import estimate; estimate(numpy.sin(numpy.arange(22050, dtype="f4") / 16))

# Prints how long a stage took, under its name.
TIMED = TIMEFORMAT='== $(1): %0lR'; time

# the chapters that `make lab` opens; only a newer chapter replaces one of these copies, which is then kept in lab/older
LAB := $(patsubst book/%,lab/%,$(wildcard book/*.ipynb))

.PHONY: help install site chapter lab reproduce train evaluate check fast test version tag release lock clean

help:  ## show this list
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 20
	@echo
	@echo "PROFILE=smoke|laptop|full|paper chooses the notebooks' parameters (book/profiles), PYTHON=... the interpreter."
	@echo "make site PROFILE=full first trains and evaluates the models itself, at the paper's sizes with PROFILE=paper."
	@echo "make site ORIGINALS=1 also shows the parameters of the paper's own presets; do not publish such a site."

# ORIGINALS=1 adds the parameters of the paper's presets, for private sites only; CI never sets it.
site: $(INSTALLED)  ## build the book into build/PROFILE/_build/html
	$(DOIT) models="$(MODELS)" site
	@echo "Open build/$(PROFILE)/_build/html/index.html"

chapter: $(INSTALLED)  ## run one chapter, such as NAME=synth, into build/PROFILE/executed, to read in JupyterLab
	@[ -n "$(NAME)" ] && [ -f "book/$(NAME).ipynb" ] || { \
		echo "make chapter needs NAME=, one of: $(basename $(notdir $(wildcard book/*.ipynb)))" >&2; exit 1; }
	$(DOIT) notebook:$(NAME)
	@echo "Open build/$(PROFILE)/executed/$(NAME).ipynb in JupyterLab"

# By default, Jupyter silently drops uploads over 10 MB, and its kernels warn that they are not encrypted.
lab: $(INSTALLED) $(LAB)  ## open the chapter "Program your own sound" in JupyterLab; it works on a copy, in lab/
	$(BIN)/jupyter lab --KernelManager.transport_encryption=auto \
		--ServerApp.tornado_settings='{"websocket_max_message_size": 200000000}' lab/own.ipynb

lab/%.ipynb: book/%.ipynb
	@[ ! -f $@ ] || { mkdir -p lab/older && mv $@ lab/older/$*-$$(date +%Y%m%d-%H%M%S).ipynb; }
	@mkdir -p lab && cp $< $@

reproduce: $(INSTALLED)  ## reproduce the contents of data/: fetch, curate, render, index, copy (NOTES=six for all six notes)
	$(DOIT) corpus=$(CORPUS) notes=$(NOTES) reproduce

# one at a time, because each uses all cores
train: $(INSTALLED)  ## train the laptop models, resuming if interrupted (MODELS="numcat++ latentdx" for some)
	$(DOIT) -n 1 models="$(MODELS)" train

evaluate: $(INSTALLED)  ## measure anchors and trained models on the test set into data/results (MODELS as above)
	$(DOIT) -n 1 models="$(MODELS)" listening

check: $(INSTALLED)  ## check format, lint rules, layers and types
	@mkdir -p build
	@$(call TIMED,ruff) { $(BIN)/ruff check && $(BIN)/ruff format --check; }
	@$(call TIMED,import-linter) { $(BIN)/lint-imports --no-cache > build/imports.txt || { cat build/imports.txt; exit 1; }; }
	@$(call TIMED,mypy) $(BIN)/mypy

# one thread per worker, so that the workers do not wait for each other
fast: check  ## check, and run the tests that need no browser, no site and little time
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m "not browser and not site and not slow and not training" tests

# compiles first, beside the checks, because tests are slow until the compiled functions are there
test: $(INSTALLED)  ## check, and run all tests: also in the browser, and on the smoke site with every notebook
	@$(BIN)/python -m latentdx.compilation & trap wait EXIT; $(MAKE) --no-print-directory check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0 tests

version: $(INSTALLED)  ## begin a release: copy the version that heads CHANGELOG.md to where else it stands
	$(BIN)/python -m latentdx_book.build.release --version
	$(MAKE) install
	$(BIN)/python -m latentdx_book.build.release --registry

# what is pushed under a tag is published, so the tag comes last
tag: $(INSTALLED)  ## end a release: run all tests on what is committed, and tag it with its version
	@[ -z "$$(git status --porcelain)" ] || { echo "commit first: git status shows changes" >&2; exit 1; }
	@! git rev-parse -q --verify "refs/tags/v$$($(BIN)/latentdx --version)" || { \
		echo "this version is tagged already: head CHANGELOG.md with the next, and make version" >&2; exit 1; }
	$(MAKE) test
	git tag "v$$($(BIN)/latentdx --version)"
	@echo "Publish it: git push --atomic origin HEAD v$$($(BIN)/latentdx --version)"

release: $(INSTALLED)  ## build the wheel, the sdist and the other files of a release into build/release
	rm -rf build/release
	$(BIN)/python -m latentdx_book.build.release --out build/release
	$(BIN)/python -m build --outdir build/release

install: $(INSTALLED)  ## only create .venv from the lock file

$(INSTALLED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "LatentDX needs Python 3.11 or newer, but '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing)." >&2; \
		echo "Choose another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing $$(grep -c == requirements.lock) pinned packages into .venv."
	@$(PYTHON) -c 'import json; print("The first time took %(seconds).0f s when it was measured." % json.load(open("data/benchmarks/commands.json"))["make install"])'
	@$(PYTHON) -m venv .venv
	@$(call TIMED,install) { $(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.lock \
		&& $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --editable . \
		&& $(BIN)/python -c '$(COMPILE)'; }
	@rm -f .venv/.installed-*
	@touch $@

# PyTorch's CUDA libraries are left out: the CPU build needs none, and pip adds the right ones to the CUDA build.
lock:  ## update the lock from pyproject.toml (keeps pins that still fit; delete the lock to take the newest)
	$(PYTHON) -m venv build/uv
	build/uv/bin/python -m pip install -qq --disable-pip-version-check uv
	build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --all-extras \
		--no-annotate --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml
	sed -i.bak -E '/^(nvidia|cuda|triton)[a-z0-9-]*==/d' requirements.lock && rm requirements.lock.bak

clean:  ## remove everything built, except .venv and your copies in lab/
	rm -rf build book/media
