# Everything that a person or CI does here. Needs Python >= 3.11, make and a package index; `make help` lists the rest.

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
SAM := .cache/sam/bin/sam
export SAM_CLI_TELEMETRY := 0

.PHONY: help demo test lint types opensearch bench accuracy validate build clean

help: ## List what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/ready ## Run the sample application and show its complaints answered
	@$(BIN)/tracejoin demo

test: .venv/ready ## Run all tests, or TESTS=tests/unit; says what it had to leave out
	@$(BIN)/python -m pytest $(if $(TESTS),$(TESTS),--cov --cov-report=term:skip-covered)

lint: .venv/ready ## Check style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/ready ## Check types
	@$(BIN)/mypy

opensearch: .venv/ready ## Run a real OpenSearch until Ctrl-C (needs Java >= 21 and Maven)
	@$(BIN)/python -m pipeline.local.opensearch

bench: .venv/ready ## Measure what the pipeline costs, beside the floor
	@$(BIN)/python -m bench $(BENCH)

accuracy: .venv/ready ## Measure how well the findings do, on made-up transactions
	@$(BIN)/python -m accuracy $(ACCURACY)

validate: $(SAM) ## Check the SAM template
	@$(SAM) validate --lint --region eu-west-1

build: $(SAM) ## Build the Lambda package for arm64, without Docker
	@$(SAM) build && du -sh .aws-sam/build/ShipFunction
	@test -n "$(COMPILER)" || echo "No python3.13 here, so the package holds no bytecode: a cold start takes about 0.25 s of CPU more" >&2

clean: ## Remove everything that was made here
	@rm -rf .venv .cache .aws-sam build *.egg-info

.venv/ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed: install it, or name it with PYTHON=…" >&2; exit 1; }
	@echo "Installing into .venv (once) …" >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cli,local,dev]'
	@touch $@

$(SAM): requirements-sam.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed: install it, or name it with PYTHON=…" >&2; exit 1; }
	@echo "Installing the SAM CLI into .cache (once) …" >&2
	@$(PYTHON) -m venv .cache/sam
	@.cache/sam/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-sam.txt
	@touch $@

# `sam build` calls these with ARTIFACTS_DIR. Any Python's pip will do: the wheels are the Lambda runtime's, not this machine's.
PIP = $(firstword $(wildcard $(BIN)/python $(dir $(SAM))python) $(PYTHON)) -m pip
# Lambda can't keep bytecode, so what is not compiled here is compiled at each cold start; only the runtime's own version can do it.
COMPILER = $(shell for python in python3.13 $(PYTHON); do \
	$$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && echo $$python && break; done)
.PHONY: build-ShipFunction build-ResolveFunction
build-ShipFunction build-ResolveFunction:
	@$(PIP) install --quiet --disable-pip-version-check --no-deps --requirement requirements.txt --target "$(ARTIFACTS_DIR)" \
		--platform manylinux_2_28_aarch64 --platform manylinux2014_aarch64 --implementation cp --python-version 3.13 --only-binary=:all:
	@cp -R pipeline shipper_function mappings $(wildcard rules.yaml) "$(ARTIFACTS_DIR)"
	@rm -rf "$(ARTIFACTS_DIR)/pipeline/local" "$(ARTIFACTS_DIR)/pipeline/cli" "$(ARTIFACTS_DIR)/bin"
	@find "$(ARTIFACTS_DIR)" -name __pycache__ -prune -exec rm -rf {} +
	@$(if $(COMPILER),$(COMPILER) -m compileall -q --invalidation-mode unchecked-hash -s "$(ARTIFACTS_DIR)" -p /var/task "$(ARTIFACTS_DIR)")
