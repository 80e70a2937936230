# The tasks of this repository, each one command. They use whatever `python` is first on the path.
PYTHON ?= python

.PHONY: help check format test slow docs findings board

help:  ## show the tasks
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

check:  ## linters, formatting, types, import contracts, spelling
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	lint-imports --no-cache
	typos --config typos.toml

format:  ## apply formatting and the fixes that are safe
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

test:  ## the default tests
	$(PYTHON) -m pytest

slow:  ## the tests on the real models
	$(PYTHON) -m pytest -m slow

docs:  ## the documentation site in site/; warnings are errors
	$(PYTHON) docs/make_findings.py --check
	$(PYTHON) -m zensical build --clean --strict

findings:  ## the tables of docs/findings.md, docs/side-by-side.md and README.md, from the records in results/
	$(PYTHON) docs/make_findings.py

board:  ## open the board in a browser
	$(PYTHON) -m harness.cli board
