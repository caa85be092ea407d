# Everything a contributor needs; each target sets up what it uses in .venv from the hashed requirements.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo test sweep lint bench clean

help:
	@echo "make demo    the main job, end to end, in the local sandbox (no cloud account)"
	@echo "make test    lint-free test suite, the built wheel in a clean environment included"
	@echo "make sweep   apply and destroy killed and interrupted at every record, and run again"
	@echo "make lint    ruff, mypy --strict, layer contracts"
	@echo "make bench   the budgets of docs/budgets.md, measured; QUICK=1 leaves out plans of 3,000 objects"

$(STAMP): requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/python scripts/demo.py

test: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadfile --cov --cov-report=
	$(BIN)/python scripts/coverage_floor.py
	$(BIN)/python scripts/wheel_check.py

sweep: $(STAMP)
	@$(BIN)/python scripts/sweep.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	@$(BIN)/python bench/run.py $(if $(QUICK),--quick)

clean:
	rm -rf $(VENV) .demo .bench dist build .coverage
