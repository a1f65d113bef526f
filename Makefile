# The two commands a newcomer needs:
#   make quickstart    venv, install, real data, encode, train, evaluate, recommend
#   make test          install what tests need, then run them
# Another build of torch (CUDA, say): make venv, pip install it into .venv, then make quickstart.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PLACE  ?= quickstart
MIRCTL := $(abspath $(BIN))/mirctl

.PHONY: quickstart test test-real test-slow test-gpu check format bench venv clean

quickstart: $(VENV)/.installed
	mkdir -p $(PLACE)
	cd $(PLACE) && $(MIRCTL) data get ml-100k --out ml-100k --force
	cd $(PLACE) && $(MIRCTL) adapt run adapt/ml-100k --out model --force
	cd $(PLACE) && $(MIRCTL) adapt recommend model --user 1 --k 5
	@echo "Next: cd $(PLACE) && $(MIRCTL) artifact inspect model"

test: $(VENV)/.tested
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile

test-slow: $(VENV)/.tested
	$(BIN)/pip install -q -c constraints.txt -e '.[ray]'
	$(BIN)/python -m pytest -q -m "slow or not slow"

test-real: $(VENV)/.tested
	MIRCTL_REQUIRE_REAL=1 $(BIN)/python -m pytest -q -m real

test-gpu: $(VENV)/.tested
	$(BIN)/python -m pytest -q -m gpu tests/gpu

check: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.tested
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.tested
	for script in tests/bench/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

venv: $(VENV)/bin/python

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -c "import torch" 2>/dev/null || $(BIN)/pip install -q -c constraints.txt torch==2.13.0
	$(BIN)/pip install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) $(PLACE) .pytest_cache .ruff_cache build dist
