# `make demo` and `make test` are all a newcomer needs: Python >= 3.11 and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEV_INSTALLED := $(VENV)/.dev-installed
KERNELS := $(VENV)/.kernels-compiled
DEMO_KERNELS := $(VENV)/.demo-kernels-compiled
# As kb-python names it: its wheel holds kallisto for three systems.
SYSTEM := $(shell uname -s | tr 'A-Z' 'a-z')
ONLY ?=

.PHONY: demo test test-fast coverage lint lint-style lint-types bench ui lock dist clean
.DEFAULT_GOAL := demo

# Versions and hashes are in the locks, so what a package says that it needs is not looked at again (--no-deps).
# uv takes packages from the index that pip is set to; where it cannot, pip does the same in about 90 s.
define install
	@index=$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}}; \
	if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; fi; \
	VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/uv pip install -q --no-deps $(1) || $(BIN)/python -m pip install -q --no-deps $(1)
endef

# Tests of the libraries, programs of other systems, further builds of kallisto, maps of minified scripts, headers and
# example data are 200 MB that nothing here reads; they are removed.
$(INSTALLED): requirements.lock requirements-uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] < (3, 14)))' || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed; $(PYTHON) is $$($(PYTHON) --version). Call make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "Installing into $(VENV) (once; about 20 s and what the download takes)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-uv.lock || \
		echo "uv cannot be had here; installing with pip"
	$(call install,--require-hashes -r requirements.lock)
	$(call install,--no-build-isolation -e .)
	@find $(VENV)/lib -path '*/site-packages/*' -type d -name tests -prune -exec rm -rf {} +
	@find $(VENV)/lib -path '*/kb_python/bins/*' -prune -type d ! -name $(SYSTEM) -exec rm -rf {} +
	@find $(VENV)/lib -type f \( -name '*.js.map' -o -path '*/kb_python/bins/*/kallisto/kallisto_*' \
		-o -path '*/plotly/labextension/*' -o -path '*/pyarrow/include/*' -o -path '*/statsmodels/datasets/*.csv' \) -delete
	@touch $(INSTALLED)

# The DuckDB of before the present one stands apart, under the same name: tests open the published file with it.
$(DEV_INSTALLED): $(INSTALLED) requirements-dev.lock requirements-duckdb1.lock
	@echo "Installing what tests and checks need (once; about 10 s)"
	$(call install,--require-hashes -r requirements-dev.lock)
	$(call install,--target $(VENV)/duckdb1 --require-hashes -r requirements-duckdb1.lock)
	@touch $(DEV_INSTALLED)

$(KERNELS): $(INSTALLED)
	@echo "Compiling the numerical kernels (once; about 30 s on 2 cores)"
	@$(BIN)/python -m resistance_assets.science.compile_kernels
	@touch $(KERNELS)

# The kernels that the demo needs are compiled beside its first steps, which need none.
demo: $(INSTALLED)
	@{ test -e $(DEMO_KERNELS) || { $(BIN)/python -m resistance_assets.science.compile_kernels expression survival bench && \
		touch $(DEMO_KERNELS); }; } & \
	$(BIN)/resistance run --profile demo; code=$$?; wait; exit $$code
	@$(BIN)/resistance next-steps

# COVERAGE=1 also measures which lines ran, which takes about a third longer; under the floor of pyproject.toml it fails.
test: $(DEV_INSTALLED) $(KERNELS)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
		$(if $(COVERAGE),--cov --cov-report=term:skip-covered)

# What a change is tried with before it is committed: no run of a warehouse, no browser, nothing over about half a second.
test-fast: $(DEV_INSTALLED) $(KERNELS)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

coverage:
	@$(MAKE) --no-print-directory test COVERAGE=1

# The types take as long as everything else together, so both run at once.
lint: $(DEV_INSTALLED)
	@$(MAKE) -j2 --no-print-directory lint-style lint-types

lint-style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt_like_sql

lint-types:
	$(BIN)/pyright

bench: $(DEV_INSTALLED) $(KERNELS)
	$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY),)

ui: $(INSTALLED)
	$(BIN)/resistance ui

COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

lock: $(INSTALLED)
	$(COMPILE) --group uv -o requirements-uv.lock
	$(COMPILE) --group duckdb1 -o requirements-duckdb1.lock
	$(COMPILE) --group build --extra reads pyproject.toml -o requirements.lock
	$(COMPILE) --group dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE) --group build --extra reads --extra postgres --extra k8s -c requirements.lock pyproject.toml \
		-o requirements-deploy.lock

# The wheel is built from the source distribution, so that both hold the same.
dist: $(DEV_INSTALLED)
	rm -rf dist
	$(BIN)/uv build -q --no-build-isolation --python $(BIN)/python

clean:
	rm -rf $(VENV) data
