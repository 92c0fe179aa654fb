# Everything a checkout needs: `make demo` and `make test` set up what they use and are quick when it is there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
INSTALLED := $(VENV)/.installed
PEERS_INSTALLED := $(PEERS)/.installed
CRAWLS ?= ../shared/data/warc

.PHONY: setup demo test test-all lint bench peers clean

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[curate,train,ray,remote,development]'
	touch $@

demo: setup
	$(BIN)/corpusmill demo

# Many tests wait for clusters and for processes to die: two at a time, those of a file one after another.
test: lint
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-all: lint peers
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

# Every benchmark on the real crawls, against the peers where `make peers` has installed them.
bench: setup
	$(BIN)/python -m benchmarks.curate --in $(CRAWLS)

# datatrove and other tools whose requirements clash with ours live in an environment of their own.
peers: $(PEERS_INSTALLED)

$(PEERS_INSTALLED): benchmarks/peers-requirements.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(PEERS)/datatrove-0.2 datatrove==0.2.0
	touch $@

clean:
	rm -rf $(VENV) $(PEERS) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
