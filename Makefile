# Everything that a person or CI does here. Needs Python >= 3.11, make and a package index; `make help` lists the rest.

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
SAM := .cache/sam/bin/sam
CHECKOV := .cache/checkov/bin/checkov
MKDOCS := .cache/docs/bin/mkdocs
export SAM_CLI_TELEMETRY := 0
# the theme's word about another program
export NO_MKDOCS_2_WARNING := 1
# of the tests; many of them wait, so there may be more of these than cores
WORKERS ?= 3
EVERYTHING := --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder --durations=15 --durations-min=5

.PHONY: help demo pictures test coverage lint types docs reference opensearch bench attribution accuracy chaos fuzz validate template build deploy-local install clean

help: ## List what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/ready ## Run the sample application and show its complaints answered
	@$(BIN)/tracejoin demo

pictures: .venv/ready ## Make the manual's pictures of the page, on the demo's data (needs Chromium)
	@$(BIN)/python -m tests.browser.pictures

test: .venv/ready $(SAM) ## Run all tests, or TESTS=tests/unit; says what it had to leave out, and why
	@$(BIN)/python -m pytest $(if $(TESTS),$(TESTS),$(EVERYTHING))

coverage: .venv/ready $(SAM) ## Run all tests, and show what no test runs (takes half as long again)
	@$(BIN)/python -m pytest $(EVERYTHING) --cov --cov-report=term:skip-covered

lint: .venv/ready ## Check style, and which room may import which
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-logo

types: .venv/ready ## Check types
	@$(BIN)/mypy

docs: .venv/ready $(MKDOCS) ## Build the site of docs/ into build/site, and check links, samples and that the reference is up to date
	@$(BIN)/python -m manual --check && $(MKDOCS) build --quiet --strict
	@echo "build/site/index.html: the site; \`$(MKDOCS) serve\` shows it with its search"

reference: .venv/ready ## Make docs/reference from the code
	@$(BIN)/python -m manual

opensearch: .venv/ready ## Run a real OpenSearch until Ctrl-C (needs Java >= 21 and Maven)
	@$(BIN)/python -m pipeline.local.opensearch

bench: .venv/ready ## Measure what the pipeline costs, beside the floor
	@# as in the package; where PYTHONDONTWRITEBYTECODE is set, each import would compile anew
	@$(BIN)/python -m compileall -q mappings pipeline shipper_function
	@$(BIN)/python -m bench $(BENCH)

attribution: .venv/ready ## Measure how many log lines find their trace, made up and as AWS' own runtime clients wrote them
	@$(BIN)/python -m bench --attribution $(ATTRIBUTION)
	@$(BIN)/python -m bench.real $(REAL)

accuracy: .venv/ready ## Measure how well the findings do, on made-up transactions
	@$(BIN)/python -m accuracy $(ACCURACY)

fuzz: .venv/ready ## Hand changed lines, envelopes, segments, spans and settings to the pipeline, and find what must not happen; FUZZ="--seed 7 lines"
	@$(BIN)/python -m fuzz $(FUZZ)

chaos: .venv/ready ## Hold a run under faults against a calm one, on a real OpenSearch (needs Java >= 21 and Maven)
	@$(BIN)/python -m chaos $(CHAOS)

validate: $(SAM) $(CHECKOV) ## Check the SAM templates: their form, and their security
	@$(SAM) validate --lint --region eu-west-1
	@$(CHECKOV) --file template.yaml --framework cloudformation --quiet --compact --skip-download
	@$(MAKE) --no-print-directory -C examples validate
	@$(CHECKOV) --config-file examples/.checkov.yaml --file examples/template.yaml
	@$(CHECKOV) --directory deploy/terraform --framework terraform --quiet --compact --skip-download
	@$(MAKE) --no-print-directory template > .cache/template.yaml
	@$(dir $(SAM))cfn-lint --regions eu-west-1 --template .cache/template.yaml examples/organization/*.yaml
	@$(foreach file,$(wildcard examples/organization/*.yaml),$(CHECKOV) --file $(file) --framework cloudformation --quiet --compact --skip-download &&) true

template: $(SAM) ## Print template.yaml as plain CloudFormation, without a transform, for a StackSet or a pipeline of your own
	@AWS_DEFAULT_REGION=eu-west-1 $(dir $(SAM))python -m supply_chain.expanded_template template.yaml

build: $(SAM) ## Build the Lambda package without Docker, for arm64 or ARCHITECTURE=x86_64, with its SBOM; shows what is large in it
	@ARCHITECTURE=$(ARCHITECTURE) $(SAM) build
	@$(MAKE) --no-print-directory package-report sbom

deploy-local: .venv/ready $(SAM) ## Deploy the real template on a local AWS, ship lines through it, show what came out; KEEP=1
	@$(BIN)/python -m pipeline.local.deploy_demo $(if $(KEEP),--keep) $(if $(EMBEDDED),--embedded)

install: .venv/ready $(SAM) $(CHECKOV) $(MKDOCS) ## Install everything into .venv and .cache, as each of these does when it needs it

clean: ## Remove everything that was made here
	@rm -rf .venv .cache .aws-sam build *.egg-info

.venv/ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed: install it, or name it with PYTHON=…" >&2; exit 1; }
	@echo "Installing into .venv (once) …" >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[mcp,local,dev]'
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

$(MKDOCS): requirements-docs.txt
	$(call tool,MkDocs,docs)

# how the Lambda package is made, for which `sam build` looks here
include package.mk
