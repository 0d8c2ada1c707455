# The Lambda package: one folder of dependencies and sources, which every function gets. The Makefile includes this.
#
# `sam build` calls the targets at the end with ARTIFACTS_DIR, for the functions one after the other: the first makes the package, the others
# take a copy. Any Python's pip will do: the wheels are the Lambda runtime's, not this machine's.
ARCHITECTURE ?= arm64
PYTHON_VERSION ?= 3.13
# those that requirements.txt has hashes for
PYTHON_VERSIONS := 3.11 3.12 3.13 3.14 3.15
MACHINE = $(subst arm64,aarch64,$(ARCHITECTURE))
PACKAGE = .aws-sam/package/$(ARCHITECTURE)-$(PYTHON_VERSION)
SBOM = $(PACKAGE).cdx.json
BUILDER = $(firstword $(wildcard $(BIN)/python $(dir $(SAM))python) $(PYTHON))
# Lambda can't keep bytecode, so what is not compiled here is compiled at each cold start; only the runtime's own version can do it.
COMPILER = $(shell for python in python$(PYTHON_VERSION) $(PYTHON); do \
	$$python -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(PYTHON_VERSION)")' 2>/dev/null && echo $$python && break; done)
CONTENT = $(shell find pipeline shipper_function mappings -type f -not -name '*.pyc') $(wildcard rules.yaml policy.yaml)

$(PACKAGE)/.made: requirements.txt package.mk $(CONTENT)
	@test "$(ARCHITECTURE)" = arm64 -o "$(ARCHITECTURE)" = x86_64 || { echo "ARCHITECTURE is arm64 or x86_64, not $(ARCHITECTURE)" >&2; exit 1; }
	@test -n "$(filter $(PYTHON_VERSION),$(PYTHON_VERSIONS))" || { echo "PYTHON_VERSION is one of $(PYTHON_VERSIONS), not $(PYTHON_VERSION)" >&2; exit 1; }
	@rm -rf "$(PACKAGE)" && mkdir -p "$(PACKAGE)"
	@$(BUILDER) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.txt \
		--target "$(PACKAGE)" --report "$(PACKAGE).pip.json" \
		--platform manylinux_2_28_$(MACHINE) --platform manylinux2014_$(MACHINE) --implementation cp --python-version $(PYTHON_VERSION) --only-binary=:all:
	@cp -R pipeline shipper_function mappings $(wildcard rules.yaml policy.yaml) "$(PACKAGE)"
	@rm -rf "$(PACKAGE)/pipeline/local" "$(PACKAGE)/pipeline/agents" "$(PACKAGE)/pipeline/cli" "$(PACKAGE)/pipeline/backfill" "$(PACKAGE)/pipeline/cost" "$(PACKAGE)/pipeline/doctor" "$(PACKAGE)/pipeline/web" "$(PACKAGE)/bin"
	@find "$(PACKAGE)" -name __pycache__ -prune -exec rm -rf {} +
	@$(if $(COMPILER),$(COMPILER) -m compileall -q --invalidation-mode unchecked-hash -s "$(PACKAGE)" -p /var/task "$(PACKAGE)")
	@touch $@

# beside the package, since what is in it is deployed
$(SBOM): $(PACKAGE)/.made $(wildcard supply_chain/*.py) pyproject.toml
	@$(BUILDER) -m supply_chain.sbom "$(PACKAGE)" "$(PACKAGE).pip.json" "$@" --architecture $(ARCHITECTURE) --python $(PYTHON_VERSION)

.PHONY: sbom licences hashes
sbom: $(SBOM) ## Write what the package holds as a CycloneDX document, beside it
	@echo "$(SBOM): what the package holds, as CycloneDX"

licences: $(PACKAGE)/.made ## List the licences of everything in the package; fails on an unknown one and on copyleft
	@$(BUILDER) -m supply_chain.licences "$(PACKAGE)"

hashes: ## Write the hashes of the pinned versions into the requirements, after a version was changed
	@$(BUILDER) -m supply_chain.hashes --python "$(PYTHON_VERSIONS)" requirements.txt examples/functions/requirements.txt

.PHONY: build-ShipFunction build-ResolveFunction build-SetupFunction build-SubscribeFunction build-NotifyFunction
build-ShipFunction build-ResolveFunction build-SetupFunction build-SubscribeFunction build-NotifyFunction: $(PACKAGE)/.made
	@cp -R "$(PACKAGE)/." "$(ARTIFACTS_DIR)" && rm "$(ARTIFACTS_DIR)/.made"

.PHONY: package-report
package-report:
	@echo && du -sh .aws-sam/build/ShipFunction | sed 's/\t.*/ unpacked, of that:/' && du -sk .aws-sam/build/ShipFunction/* | sort -rn | head -8 \
		| awk '{n = split($$2, path, "/"); printf "%8.1f MB  %s\n", $$1 / 1024, path[n]}'
	@test -n "$(COMPILER)" || echo "No python$(PYTHON_VERSION) here, so the package holds no bytecode: a cold start takes about 0.25 s of CPU more" >&2
	@test "$(ARCHITECTURE)" = arm64 || echo "Deploy it with: sam deploy --config-env $(ARCHITECTURE)"

.PHONY: release publish
release: .venv/ready $(SAM) ## Make all files of a version in dist/, with checksums; the commit has its tag, or UNTAGGED=1
	@$(if $(UNTAGGED),,$(BIN)/python -m supply_chain.release check-tag)
	@rm -rf dist && mkdir dist
	@$(BIN)/python -m build --quiet --outdir dist .
	@for architecture in arm64 x86_64; do $(MAKE) --no-print-directory ARCHITECTURE=$$architecture one-package || exit 1; done
	@$(MAKE) --no-print-directory template > dist/template.yaml
	@$(BIN)/python -m supply_chain.release sums dist && ls -l dist

.PHONY: one-package
one-package: $(PACKAGE)/.made $(SBOM)
	@$(BIN)/python -m supply_chain.release pack "$(PACKAGE)" "$(ARCHITECTURE)" dist
	@cp "$(SBOM)" dist/tracejoin-lambda-$(ARCHITECTURE).cdx.json

publish: .venv/ready ## Put the packages and the template of dist/ into the S3 bucket BUCKET, and say how to deploy them
	@test -n "$(BUCKET)" || { echo "Name a bucket of yours, in the region of the stack: make publish BUCKET=…" >&2; exit 2; }
	@$(BIN)/python -m supply_chain.release publish dist "$(BUCKET)" $(if $(FOLDER),--prefix "$(FOLDER)/")
