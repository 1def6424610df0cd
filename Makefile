# Everything here also works without make: see README.
ASKED_PROFILE := $(PROFILE)
# What a shell or CI has set counts too, and is named, since it may have been meant for others.
$(foreach variable,PROFILE K ARGS RUN BASELINE RUNS VARIANT PORT PYTHON,\
	$(if $(filter environment,$(origin $(variable))),\
	$(warning $(variable)=$($(variable)) comes from the environment)))
PROFILE ?= digits
RUN ?= latest
BASELINE ?= baseline
export PROFILE

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
# An environment that was copied with its checkout still runs the other one's code.
ifneq ($(shell test -x $(PY) && cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif
# The newest of the supported Pythons that answers; name another with PYTHON=.
PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3; do \
	$$each -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { echo $$each; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help bench test test-slow test-all test-random gate calibrate compare report serve lint format lock clean

help: ## show this
	@echo "make bench   set up, then build, measure and judge the variants of PROFILE=$(PROFILE)"
	@echo "             K='expression' picks some, ARGS='...' goes to pytest"
	@echo "make test    set up, then run the tests but for the slow ones; ARGS='...' goes to pytest"
	@echo "make test-all run all tests; make test-slow runs what make test leaves out"
	@echo "make test-random run the property tests at random, with ten times the examples"
	@echo "make gate    hold a run against a baseline: BASELINE=baseline RUN=latest"
	@echo "make calibrate prove the gate on this machine: about two hours, goes on where it was"
	@echo "make compare show saved runs side by side: RUNS='12 latest'"
	@echo "make report  show a saved run again: RUN=latest, a number or a path"
	@echo "make serve   a page and an API on 127.0.0.1:5000: PROFILE, VARIANT and PORT choose others"
	@echo "make lint    check style and types"
	@echo "make format  put the code into shape"
	@echo "make lock    refresh requirements.lock from pyproject.toml"
	@echo "make clean   remove the environment; the store and the histories stay"

bench: $(READY)
	@$(PY) -m pytest bench -q --profile=$(PROFILE) $(if $(K),-k "$(K)") $(ARGS)

# tests/conftest.py has the long files start first, which xdist would undo.
TESTS = $(PY) -m pytest tests -n auto --dist loadfile --no-loadscope-reorder -q

test: $(READY)
	@$(TESTS) -m "not slow" $(if $(K),-k "$(K)") $(ARGS)

test-slow: $(READY)
	@$(TESTS) -m slow $(if $(K),-k "$(K)") $(ARGS)

test-all: $(READY)
	@$(TESTS) $(if $(K),-k "$(K)") $(ARGS)

test-random: $(READY)
	@$(TESTS) -m hypothesis --hypothesis-profile=random $(if $(K),-k "$(K)") $(ARGS)

gate: $(READY)
	@$(VENV)/bin/slimbench gate $(BASELINE) $(RUN) --profile=$(PROFILE) $(ARGS)

calibrate: $(READY)
	@$(VENV)/bin/slimbench calibrate $(ARGS)

compare: $(READY)
	@$(VENV)/bin/slimbench compare $(RUNS) $(ARGS)

report: $(READY)
	@$(VENV)/bin/slimbench report $(RUN) $(ARGS)

serve: $(READY)
	@$(VENV)/bin/slimbench serve $(if $(ASKED_PROFILE)$(VARIANT),--profile=$(PROFILE)) \
		$(if $(VARIANT),--variant=$(VARIANT)) $(if $(PORT),--port=$(PORT)) $(ARGS)

lint: $(READY)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(VENV)/bin/zizmor --offline --pedantic --quiet .github

format: $(READY)
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

lock:
	@$(PYTHON) scripts/lock.py

clean:
	@rm -rf $(VENV)

$(READY): requirements.lock pyproject.toml scripts/install.py
	@test -n "$(PYTHON)" && command -v $(firstword $(PYTHON)) > /dev/null || \
		{ echo "slimbench needs Python 3.11, 3.12 or 3.13; name one with PYTHON=." >&2; exit 1; }
	@$(PYTHON) scripts/install.py $(VENV) requirements.lock
