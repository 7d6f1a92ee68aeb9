# `make run` and `make test` do all the set-up; each target says what it is for.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN = .venv/bin
# The application reads .env itself and says what is wrong in it; Flask reading it first would hide that.
export FLASK_SKIP_DOTENV = 1
# Tests start many processes: each would compile the application anew.
unexport PYTHONDONTWRITEBYTECODE
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml

.PHONY: run test slow check fuzz translations bench map lock newest clean

run: .venv/run  ## Serve the API and the site on http://127.0.0.1:5000, with a worker for jobs and real time
	@$(BIN)/python -P api/cli/start.py

test: .venv/dev  ## Run the suite, in parallel; of PostgreSQL where it differs most
	@$(BIN)/pytest -m "not slow" --numprocesses auto --dist worksteal

slow: .venv/dev  ## Run what takes longer: browsers, processes, generated requests, all else on PostgreSQL, reads without the response cache
	@$(BIN)/pytest -m slow --numprocesses auto --dist worksteal
	@RESPONSE_CACHE_BYTES=0 $(BIN)/pytest -m "not slow" --numprocesses auto --dist worksteal tests/http tests/v1 tests/v2

# pip-audit fails on a known vulnerability; what a mirror has no record of it lists as not audited.
check: .venv/dev  ## Format, lint, types, import rules, contract, audit, lock
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/openapi-spec-validator openapi.yaml
	tests/contract/lint
	$(BIN)/pip-audit --require-hashes --disable-pip -r requirements-dev.txt
	cp requirements.txt .venv/requirements.txt && $(LOCK) --output-file .venv/requirements.txt && diff requirements.txt .venv/requirements.txt
	cp requirements-dev.txt .venv/requirements-dev.txt && $(LOCK) --group dev --output-file .venv/requirements-dev.txt && diff requirements-dev.txt .venv/requirements-dev.txt

fuzz: .venv/dev  ## Requests made from the contract, many more than the suite makes
	FUZZ_EXAMPLES=500 $(BIN)/pytest --numprocesses auto tests/contract/test_fuzz.py

# A text that is new or changed is left untranslated, which the suite refuses.
translations: .venv/dev  ## Bring the catalogues of api/translations up to code and templates, and compile them
	@$(BIN)/python -m tests.translations

bench: .venv/dev .venv-bench/made  ## Measure the API beside its peers, and write benchmarks/RESULTS.md; a quarter of an hour
	@command -v wrk >/dev/null || { echo "wrk makes the load, and is not installed: apt-get install wrk (macOS: brew install wrk)."; exit 1; }
	$(BIN)/python -m benchmarks all

map: .venv/dev  ## Write README.md's map of techniques from the application
	@$(BIN)/python -m tests.technique_map

lock: .venv/dev  ## Resolve the lock files again, to the newest releases
	$(LOCK) --upgrade --output-file requirements.txt
	$(LOCK) --upgrade --group dev --output-file requirements-dev.txt
	$(LOCK:pyproject.toml=benchmarks/requirements.in) --upgrade --output-file benchmarks/requirements.txt

newest:  ## Run the suite on the newest releases instead of the locked ones
	$(PYTHON) -m venv --clear .venv-newest
	.venv-newest/bin/pip install --quiet --upgrade pip
	.venv-newest/bin/pip install --quiet --upgrade --group dev $$($(PYTHON) -c 'import tomllib; print(" ".join(repr(d) for d in tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]))')
	.venv-newest/bin/pytest --numprocesses auto --dist worksteal

clean:  ## Remove what was made here: the environment, caches and the local database
	rm -rf .venv .venv-newest .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis instance tests/contract/node_modules

.venv/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found on PATH."; exit 1; }
	@$(PYTHON) -m venv .venv && $(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip && touch $@

.venv/run: .venv/python requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt && touch $@

.venv/dev: .venv/python requirements-dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt && touch $@ .venv/run

# What the peers need is theirs alone: no package of it comes near the application's environment.
.venv-bench/made: .venv/python benchmarks/requirements.txt
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.txt && touch $@
