# Chartroom: `make run` serves it here, `make test` proves it. docs/operator.md says how it runs elsewhere.

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)
BIN := .venv/bin
LAUNCH := $(BIN)/python -m config.embedded
RUNTIME := .venv/.runtime
TESTING := .venv/.testing
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet --require-hashes

.PHONY: help run test e2e icaljs history bench mutants lint format messages pins reset
.DEFAULT_GOAL := help

help:
	@echo "make run       serve Chartroom on this machine (PORT=8000)"
	@echo "make test      run the tests; ARGS='-k booking' chooses"
	@echo "make e2e       run the tests in a real browser"
	@echo "make icaljs    install what reads our calendars as browsers do, for the tests (needs npm)"
	@echo "make history   kill parts of the product under load, and check what became of it"
	@echo "make bench     run the benchmarks"
	@echo "make mutants   change rules of access one by one, and see that tests notice"
	@echo "make lint      check style, layers, templates and migrations"
	@echo "make format    put the code and the templates into the project's style"
	@echo "make messages  collect and compile the strings for translation"
	@echo "make pins      pin requirements anew, with hashes"
	@echo "make reset     stop and delete the data of 'make run' (YES=1 does not ask)"

run: $(RUNTIME)
	@exec $(LAUNCH) run

test: $(TESTING)
	@exec $(LAUNCH) test -- $(BIN)/python -m pytest $(ARGS)

e2e: $(TESTING)
	@for name in chromium chromium-browser google-chrome; do command -v $$name && exit 0; done >/dev/null || { \
		echo "The browser tests need Chromium: apt-get install chromium (as root), then try again." >&2; exit 1; }
	@exec $(LAUNCH) test -- $(BIN)/python -m pytest e2e $(ARGS)

icaljs:
	@mkdir -p .local/icaljs && cp scheduling/tests/icaljs/* .local/icaljs/
	@npm ci --silent --ignore-scripts --no-audit --no-fund --prefix .local/icaljs

history: $(TESTING)
	@exec $(BIN)/python -m e2e.history $(ARGS)

bench: $(TESTING)
	@exec $(LAUNCH) --home .local/bench exec --migrate -- $(BIN)/python -m benchmarks $(ARGS)

mutants: $(TESTING)
	@mkdir -p .local/mutants && sha256sum benchmarks/mutants/requirements.txt | cmp --silent - .local/mutants/stamp || { \
		$(PIP) --target .local/mutants/packages --upgrade -r benchmarks/mutants/requirements.txt && \
		sha256sum benchmarks/mutants/requirements.txt > .local/mutants/stamp; }
	@exec $(BIN)/python -m benchmarks.mutants $(ARGS)

lint: $(TESTING)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/djhtml --check templates
	@$(LAUNCH) test -- $(BIN)/python manage.py makemigrations --check --dry-run

format: $(TESTING)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/djhtml templates

messages: $(RUNTIME)
	@command -v msgfmt >/dev/null || { \
		echo "Collecting strings needs gettext: apt-get install gettext (as root), then try again." >&2; exit 1; }
	@$(BIN)/python manage.py makemessages --all --no-location --no-wrap --no-obsolete --ignore .venv --ignore .local
	@for one in locale/*/LC_MESSAGES/*.po; do msgfmt --check-format -o "$${one%.po}.mo" "$$one"; done

pins: $(TESTING)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make pins" requirements.in --output-file requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make pins" requirements-dev.in --output-file requirements-dev.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make pins" benchmarks/mutants/requirements.in \
		--output-file benchmarks/mutants/requirements.txt

reset:
	@if [ -d .venv ]; then $(LAUNCH) reset $(if $(YES),--yes); else echo "There is nothing to delete."; fi

# A stamp holds the checksum of the pins it was made from, so a new checkout of old pins is noticed as well.
$(RUNTIME): requirements.txt .venv/bin/python
	@sha256sum requirements.txt | cmp --silent - $@ || { \
		echo "Installing the pinned packages …" && $(PIP) -r requirements.txt && \
		sha256sum requirements.txt > $@.new && mv $@.new $@; }
	@touch $@

$(TESTING): requirements-dev.txt $(RUNTIME)
	@sha256sum requirements-dev.txt | cmp --silent - $@ || { \
		echo "Installing the packages that tests need …" && $(PIP) -r requirements-dev.txt && \
		sha256sum requirements-dev.txt > $@.new && mv $@.new $@; }
	@touch $@

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "Chartroom needs Python 3.11 or newer; none was found." >&2; exit 1; }
	@echo "Making .venv with $(PYTHON) …"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "Python's venv module is incomplete: apt-get install python3-venv (as root)." >&2; exit 1; }
