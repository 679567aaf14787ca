# One command each. `make run` needs only the runtime packages; the rest also sets up the tools.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
RUNTIME := $(VENV)/.runtime-is-set-up
DEV := $(VENV)/.dev-is-set-up
APPS := $(VENV)/apps/.is-set-up
# What exists of these is checked and tested; a directory that is not there yet is no error.
CHECKED := $(wildcard src tests bench)
FAST_TESTS := $(wildcard tests/unit tests/architecture)
PYTEST := $(BIN)/python -m pytest -q

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench screenshots audit fuzz browser lock clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target what; do printf '%-14s %s\n' "$$target" "$$what"; done

setup: $(DEV) browser $(APPS) ## make .venv with everything that run, test, check and bench need

run: $(RUNTIME) ## serve at http://127.0.0.1:8000 on the bundled servers (ARGS='--port 9000 …')
	@exec $(BIN)/linnet serve $(ARGS)

test: $(DEV) browser $(APPS) ## run every test (ARGS='-k follow …')
	@$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder $(wildcard tests) $(ARGS)

check: $(DEV) ## format, lint, types, imports and the fast tests
	@$(BIN)/ruff format --check --quiet $(CHECKED) || { echo "Run: $(BIN)/ruff format $(CHECKED)"; exit 1; }
	@$(BIN)/ruff check --quiet $(CHECKED)
	@$(BIN)/mypy $(CHECKED)
	@$(BIN)/lint-imports --no-cache
	@if [ -n "$(FAST_TESTS)" ]; then $(PYTEST) $(FAST_TESTS); fi

bench: $(DEV) ## measure, each figure beside its reference (ARGS='home posting …')
	@exec $(BIN)/linnet bench $(ARGS)

audit: $(DEV) ## ask what is known against the locked packages (asks PyPI and OSV)
	@$(BIN)/python -m tests.audit

fuzz: $(DEV) ## look for inputs that break something (ARGS=SECONDS)
	@$(BIN)/python -m tests.fuzz $(or $(ARGS),300)

screenshots: $(DEV) browser ## make the pictures of docs/images anew
	@exec $(BIN)/python -m tests.web.screenshots $(ARGS)

# Some packages are only needed below 3.11.3, so the oldest Python that we promise (Debian 12's 3.11.2) has to resolve.
# What runs is what is tested, so the packages that the tools want too are chosen with the tools.
lock: ## write the lock files anew from pyproject.toml (with Debian 12's Python)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info > (3, 11, 3) and "Lock with Python 3.11.2: make lock PYTHON=/usr/bin/python3.11")'
	@test -x .venv-lock/bin/pip || $(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/python -m pip --quiet --disable-pip-version-check install pip-tools
	@export CUSTOM_COMPILE_COMMAND="make lock"; \
	compile=".venv-lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-options \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host"; \
	$$compile --extra dev --output-file requirements-dev.lock pyproject.toml && \
	$$compile --extra build --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml

clean: ## remove .venv and what the tools left behind (never data/)
	@rm -rf $(VENV) .venv-lock build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# A set-up that was interrupted leaves no stamp, so the next run finishes it.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "linnet needs Python 3.11 or newer; this is %s. Try: make PYTHON=python3.11 …" % sys.version.split()[0])'
	@echo "Making $(VENV) …"
	@$(PYTHON) -m venv --clear $(VENV)

$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/pip
	@echo "Installing linnet and what it runs on into $(VENV) …"
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	@echo "Installing the tools for tests and checks into $(VENV) …"
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

# Apps in JavaScript that the browser tests drive; no script of any package runs.
$(APPS): tests/apps/package.json tests/apps/package-lock.json | $(DEV) browser
	@echo "Installing the apps that the tests drive into $(VENV)/apps …"
	@mkdir -p $(@D) && cp $^ $(@D)/
	@cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

# Pages are tested in Debian's Chromium, what is left when parts die behind Debian's HAProxy, and web processes that share
# connections behind Debian's PgBouncer; npm brings apps to test with. Who may not install them is told to.
browser:
	@missing=; command -v chromium >/dev/null || missing=chromium; \
	for each in haproxy pgbouncer npm; do \
	  PATH="$$PATH:/usr/sbin" command -v $$each >/dev/null || missing="$$missing $$each"; done; \
	[ -z "$$missing" ] || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { \
	  echo "Installing" $$missing …; export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update -qq && apt-get install -qq -y --no-install-recommends $$missing >/dev/null; }; } || \
	  { echo "The tests need" $$missing". Please install: apt-get install" $$missing >&2; exit 1; }
