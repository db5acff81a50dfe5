# AION Marketplace. `make demo` and `make test` need only Python 3.11+ and make; see README.md.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
LOCAL := $(PY) -m aion.local
STAMP := $(VENV)/.installed
ARGS ?=
FILE ?=
# Many short processes start here: each would compile the project anew where the environment forbids to keep the result.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo stop replay manage test check bench format test-contract test-cluster fuzz chaos lock

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "AION needs Python 3.11, 3.12 or 3.13: name one with make PYTHON=python3.12 …" >&2; exit 1; }
	@test -x $(PY) || { echo "Creating $(VENV) …" >&2; $(PYTHON) -m venv $(VENV) 2>&1 >/dev/null || { echo "Python's venv module is missing: install it (Debian: apt install python3-venv)." >&2; exit 1; }; }
	@echo "Installing the locked packages (hashes are checked) …" >&2
	@awk '/^uv==/ {keep=1} keep {print} keep && !/\\$$/ {exit}' requirements.txt > $(VENV)/uv.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt >&2 || { echo "pip could not install uv: is a package index reachable?" >&2; exit 1; }
	@VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(VENV)/bin/uv pip sync --quiet --compile-bytecode --require-hashes requirements.txt >&2 || { echo "The locked packages could not be installed: is a package index reachable?" >&2; exit 1; }
	@touch $@

demo: $(STAMP) ## Set everything up, replay the Helios month, print figures and accounts, leave the portal running
	@$(LOCAL) demo $(ARGS)

stop: ## Stop the demo's services; the data stays
	@if test -e $(STAMP); then $(LOCAL) stop $(ARGS); else echo "The demo does not run." >&2; fi

replay: $(STAMP) ## Replay a trace on a database of its own: make replay FILE=trace.csv ARGS=--json
	@$(LOCAL) replay $(if $(FILE),"$(FILE)") $(ARGS)

manage: $(STAMP) ## Run a management command in the environment that ran last: make -s manage ARGS='reconcile_ledger'
	@$(LOCAL) manage $(ARGS)

check: $(STAMP) ## Static checks: format, lint, types, import contracts, migrations, deployment, OpenAPI, translations
	@$(PY) -m tests.static_checks $(ARGS)

test: $(STAMP) ## check, then every test on PostgreSQL and in a real browser
	@$(PY) -m tests.static_checks
	@$(PY) -m tests.chromium
	@$(LOCAL) run $(PY) -m pytest --numprocesses 3 $(ARGS)

bench: $(STAMP) ## Measure; JSON lines on standard output
	@$(LOCAL) bench $(PY) -m bench $(ARGS)

format: $(STAMP) ## Format the code
	@$(VENV)/bin/ruff format --quiet $(ARGS) . && $(VENV)/bin/ruff check --quiet --fix .

lock: $(STAMP) ## Resolve pyproject.toml into requirements.txt, without any download address
	@$(VENV)/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet $(ARGS) -o requirements.txt

fuzz: $(STAMP) ## Drive the money core at random for much longer: make fuzz ARGS='-k seed_is_repeated'
	@AION_FUZZ=long $(LOCAL) run $(PY) -m pytest tests/billing/machine --numprocesses 2 $(ARGS)

chaos: $(STAMP) ## Kill rating, PostgreSQL and payments (AION_KILLS, AION_PAYMENT_KILLS), deliver 10,000 payment events (AION_DELIVERIES)
	@AION_KILLS=$${AION_KILLS:-500} AION_DELIVERIES=$${AION_DELIVERIES:-10000} AION_PAYMENT_KILLS=$${AION_PAYMENT_KILLS:-40} \
		$(LOCAL) run $(PY) -m pytest tests/local/test_kills.py tests/purchases/test_chaos.py tests/purchases/test_killed.py $(ARGS)

test-contract test-cluster:
	@echo "make $@ is not built yet: it comes with the issue that completes clusters (see docs/architecture.md)." >&2; exit 2
