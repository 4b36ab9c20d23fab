# `make demo` and `make test` do all the set-up they need; nothing else has to be installed first.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
STAMP   = $(VENV)/.installed
# Many tests wait for processes, for half of their time, so twice as many files at a time as there are cores.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) \* 2)

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast check format docs bench sbom bounds clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# To compile all that is installed takes as long as the rest; what is imported compiles itself. (uv is quicker still, but
# two packages of chDB have files of one name, and which of them uv leaves there is chance.)
$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --editable '.[dev]'
	touch $(STAMP)

install: $(STAMP)  ## make the virtual environment

demo: $(STAMP)  ## break a feature store and watch modelspan name it (KEEP=1 leaves it running)
	$(BIN)/modelspan demo $(if $(KEEP),--keep)

# Tests start some hundred processes: each would compile all sources anew. Files keep their order, by folder: those of
# whole processes come first, and no long one is left for the end, when the other cores have nothing to do.
test: $(STAMP) check  ## style, types and every test
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 40 --durations-min 8

test-fast: $(STAMP)  ## the unit tests
	$(BIN)/python -m pytest tests/unit

check: $(STAMP)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)  ## rewrite to the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)  ## build the documentation site into docs/_build; a broken link fails
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build

bench: $(STAMP)  ## print the benchmark ratios
	for bench in sdk collector analyzer alarms performance why pages; do $(BIN)/python benchmarks/$$bench.py; done

sbom: $(STAMP)  ## write what it runs on, with licences, to dist/sbom.json (CycloneDX)
	mkdir -p dist && $(BIN)/python deploy/sbom.py > dist/sbom.json

bounds: $(STAMP)  ## see whether the lower bounds of all dependencies go together on Python 3.11
	$(BIN)/uv pip compile --quiet --python-version 3.11 --resolution lowest-direct --output-file /dev/null pyproject.toml \
		--extra all --extra pdf --extra explain --extra onnx --extra mlflow --extra instrument

clean:  ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis docs/_build docs/reference
