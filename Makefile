# Everything that a person or CI does here. Needs Python >= 3.11, make and a package index; `make help` lists the rest.

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
SAM := .cache/sam/bin/sam
CHECKOV := .cache/checkov/bin/checkov
export SAM_CLI_TELEMETRY := 0
# of the tests; many of them wait, so there may be more of these than cores
WORKERS ?= 3

.PHONY: help demo test lint types opensearch bench accuracy validate build deploy-local install clean

help: ## List what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/ready ## Run the sample application and show its complaints answered
	@$(BIN)/tracejoin demo

test: .venv/ready ## Run all tests, or TESTS=tests/unit; says what it had to leave out
	@$(BIN)/python -m pytest $(if $(TESTS),$(TESTS),--numprocesses $(WORKERS) --dist loadscope --cov --cov-report=term:skip-covered)

lint: .venv/ready ## Check style, and which room may import which
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-logo

types: .venv/ready ## Check types
	@$(BIN)/mypy

opensearch: .venv/ready ## Run a real OpenSearch until Ctrl-C (needs Java >= 21 and Maven)
	@$(BIN)/python -m pipeline.local.opensearch

bench: .venv/ready ## Measure what the pipeline costs, beside the floor
	@# as in the package; where PYTHONDONTWRITEBYTECODE is set, each import would compile anew
	@$(BIN)/python -m compileall -q mappings pipeline shipper_function
	@$(BIN)/python -m bench $(BENCH)

accuracy: .venv/ready ## Measure how well the findings do, on made-up transactions
	@$(BIN)/python -m accuracy $(ACCURACY)

validate: $(SAM) $(CHECKOV) ## Check the SAM templates: their form, and their security
	@$(SAM) validate --lint --region eu-west-1
	@$(CHECKOV) --file template.yaml --framework cloudformation --quiet --compact --skip-download
	@$(MAKE) --no-print-directory -C examples validate
	@$(CHECKOV) --config-file examples/.checkov.yaml --file examples/template.yaml

build: $(SAM) ## Build the Lambda package without Docker, for arm64 or ARCHITECTURE=x86_64; shows what is large in it
	@ARCHITECTURE=$(ARCHITECTURE) $(SAM) build
	@# the only architecture that can be deployed is the one that was built for, whatever samconfig.toml remembers
	@sed -i.was -e '/^  Architecture:/,/Default:/s/Default: .*/Default: $(ARCHITECTURE)/' \
		-e '/^  Architecture:/,/Description:/{/- $(filter-out $(ARCHITECTURE),arm64 x86_64)$$/d;}' .aws-sam/build/template.yaml && rm .aws-sam/build/template.yaml.was
	@echo && du -sh .aws-sam/build/ShipFunction | sed 's/\t.*/ unpacked, of that:/' && du -sk .aws-sam/build/ShipFunction/* | sort -rn | head -8 \
		| awk '{n = split($$2, path, "/"); printf "%8.1f MB  %s\n", $$1 / 1024, path[n]}'
	@test -n "$(COMPILER)" || echo "No python$(PYTHON_VERSION) here, so the package holds no bytecode: a cold start takes about 0.25 s of CPU more" >&2

deploy-local: .venv/ready $(SAM) ## Deploy the real template on a local AWS, ship lines through it, show what came out; KEEP=1
	@$(BIN)/python -m pipeline.local.deploy_demo $(if $(KEEP),--keep) $(if $(EMBEDDED),--embedded)

install: .venv/ready $(SAM) $(CHECKOV) ## Install everything into .venv and .cache, as each of these does when it needs it

clean: ## Remove everything that was made here
	@rm -rf .venv .cache .aws-sam build *.egg-info

.venv/ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed: install it, or name it with PYTHON=…" >&2; exit 1; }
	@echo "Installing into .venv (once) …" >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cli,local,dev]'
	@touch $@

# A tool in an environment of its own, since it pins much that tracejoin does not want pinned: its name, its folder below .cache.
define tool
@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed: install it, or name it with PYTHON=…" >&2; exit 1; }
@echo "Installing $(1) into .cache (once) …" >&2
@$(PYTHON) -m venv .cache/$(2)
@.cache/$(2)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
@touch $@
endef

$(SAM): requirements-sam.txt
	$(call tool,the SAM CLI,sam)

$(CHECKOV): requirements-checkov.txt
	$(call tool,checkov,checkov)

# `sam build` calls the targets at the end with ARTIFACTS_DIR, for the functions one after the other: the first makes the package, the others
# take a copy. Any Python's pip will do: the wheels are the Lambda runtime's, not this machine's.
ARCHITECTURE ?= arm64
PYTHON_VERSION ?= 3.13
MACHINE = $(subst arm64,aarch64,$(ARCHITECTURE))
PACKAGE = .aws-sam/package/$(ARCHITECTURE)-$(PYTHON_VERSION)
PIP = $(firstword $(wildcard $(BIN)/python $(dir $(SAM))python) $(PYTHON)) -m pip
# Lambda can't keep bytecode, so what is not compiled here is compiled at each cold start; only the runtime's own version can do it.
COMPILER = $(shell for python in python$(PYTHON_VERSION) $(PYTHON); do \
	$$python -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(PYTHON_VERSION)")' 2>/dev/null && echo $$python && break; done)
CONTENT = $(shell find pipeline shipper_function mappings -type f -not -name '*.pyc') $(wildcard rules.yaml)

$(PACKAGE)/.made: requirements.txt Makefile $(CONTENT)
	@test "$(ARCHITECTURE)" = arm64 -o "$(ARCHITECTURE)" = x86_64 || { echo "ARCHITECTURE is arm64 or x86_64, not $(ARCHITECTURE)" >&2; exit 1; }
	@rm -rf "$(PACKAGE)" && mkdir -p "$(PACKAGE)"
	@$(PIP) install --quiet --disable-pip-version-check --no-deps --requirement requirements.txt --target "$(PACKAGE)" \
		--platform manylinux_2_28_$(MACHINE) --platform manylinux2014_$(MACHINE) --implementation cp --python-version $(PYTHON_VERSION) --only-binary=:all:
	@cp -R pipeline shipper_function mappings $(wildcard rules.yaml) "$(PACKAGE)"
	@rm -rf "$(PACKAGE)/pipeline/local" "$(PACKAGE)/pipeline/cli" "$(PACKAGE)/pipeline/doctor" "$(PACKAGE)/bin"
	@find "$(PACKAGE)" -name __pycache__ -prune -exec rm -rf {} +
	@$(if $(COMPILER),$(COMPILER) -m compileall -q --invalidation-mode unchecked-hash -s "$(PACKAGE)" -p /var/task "$(PACKAGE)")
	@touch $@

.PHONY: build-ShipFunction build-ResolveFunction build-SetupFunction build-SubscribeFunction
build-ShipFunction build-ResolveFunction build-SetupFunction build-SubscribeFunction: $(PACKAGE)/.made
	@cp -R "$(PACKAGE)/." "$(ARTIFACTS_DIR)" && rm "$(ARTIFACTS_DIR)/.made"
