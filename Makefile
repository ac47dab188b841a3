# `make demo` and `make test` are all a newcomer needs: Python >= 3.11 and make, nothing else.
# uv is used where it is on the PATH (about ten times faster), pip otherwise.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ONLY ?=

.PHONY: demo test lint bench ui lock clean
.DEFAULT_GOAL := demo

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] < (3, 14)))' || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed; $(PYTHON) is $$($(PYTHON) --version). Call make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "Installing into $(VENV) (once; about 10 s with uv, 90 s with pip)"
	@if command -v uv >/dev/null 2>&1; then \
		uv venv -q --allow-existing --python $(PYTHON) $(VENV) && \
		VIRTUAL_ENV=$(CURDIR)/$(VENV) uv pip install -q --compile-bytecode --require-hashes -r requirements.lock && \
		VIRTUAL_ENV=$(CURDIR)/$(VENV) uv pip install -q --no-deps --no-build-isolation -e . ; \
	else \
		$(PYTHON) -m venv $(VENV) && \
		$(BIN)/python -m pip install -q --no-deps --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e . ; \
	fi
	@echo "Compiling the numerical kernels (once; about 30 s on 2 cores)"
	@$(BIN)/python -m resistance_assets.science.compile_kernels
	@touch $(READY)

demo: $(READY)
	@$(BIN)/resistance run --profile demo
	@$(BIN)/resistance next-steps

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

bench: $(READY)
	$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY),)

ui: $(READY)
	$(BIN)/resistance ui

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) data
