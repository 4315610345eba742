# Every target does its own set-up. `make run` ends with a release in public/, `make test` passes the tests.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# Files of tests that run at once. With more than there are cores, tests that measure time see a slow machine.
PROCESSES ?= 2

.PHONY: run dev test check bench soak reproduce format lock audit schemas words clean

run: .venv/.runtime
	$(BIN)/hubpacks run

dev: .venv/.runtime
	mkdir -p .dagster && cp assets/dagster.yaml .dagster/ && DAGSTER_HOME=$(CURDIR)/.dagster $(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1

NU := build/nu/node_modules/vnu-jar/build/dist/vnu.jar
JUDGES := build/judges/.made
PEERS := build/peers/.made

# Hundreds of tests start processes, which need not compile the code anew; nor does an operator's.
test bench: export PYTHONDONTWRITEBYTECODE =
test: .venv/.dev $(NU) $(JUDGES)
	@.ci/need chromium chromium
	@.ci/need default-jre-headless java
	@.ci/need git git
	@.ci/need minisign minisign
	@.ci/need openssh-client ssh-keygen
	@.ci/need openssl openssl
	@.ci/need poppler-utils pdftotext
	@.ci/need jing jing
	@.ci/need qpdf qpdf
	@.ci/need libreoffice-calc-nogui soffice
	@.ci/need nginx --test "test -x /usr/sbin/nginx"
	@.ci/need openssh-server --test "test -x /usr/sbin/sshd"
	@.ci/need faketime faketime
	@.ci/need prometheus promtool
	@.ci/need postgresql --test "test -x /usr/lib/postgresql/15/bin/postgres"
	@.ci/need redis-server redis-server
	@.ci/need systemd systemd-analyze
	$(BIN)/pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder --cov --cov-report=term $(ARGS)

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hubpacks registry check

bench: .venv/.dev $(PEERS)
	@.ci/need hugo hugo
	$(BIN)/python -m tests.bench $(ARGS)

soak: .venv/.dev
	@.ci/need nginx --test "test -x /usr/sbin/nginx"
	@.ci/need postgresql --test "test -x /usr/lib/postgresql/15/bin/postgres"
	@.ci/need redis-server redis-server
	$(BIN)/python -m tests.bench.soak $(ARGS)

# The release of the sample hubs, built twice under different conditions.
reproduce: .venv/.dev
	@.ci/need faketime faketime
	$(BIN)/python -m tests.reproduce

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Generated from the code and checked in; a test says when they are behind.
schemas: .venv/.dev
	$(BIN)/python -m hubs.contract.generate
	$(BIN)/python -m hubs.mapping.generate

# Brings the keys of the templates of texts (.pot) into the catalogues of other languages (.po).
words: .venv/.runtime
	$(BIN)/python -m pipelines.wording templates/locale/site.pot pipelines/alerts/locale/alerts.pot

# Exact versions with hashes and without any registry's address. uv stays out of the product's environment.
UV_FLAGS := -q --python-version 3.11 --no-strip-extras --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
lock:
	$(PYTHON) -m venv build/uv && build/uv/bin/pip install -q uv
	build/uv/bin/uv pip compile pyproject.toml --extra build $(UV_FLAGS) -o requirements.lock
	build/uv/bin/uv pip compile pyproject.toml --extra build --extra cluster --extra kubernetes --extra spark -c requirements.lock $(UV_FLAGS) -o requirements-cluster.lock
	build/uv/bin/uv pip compile pyproject.toml --extra build --extra dev -c requirements.lock $(UV_FLAGS) -o requirements-dev.lock
	build/uv/bin/uv pip compile .ci/judges/requirements.in $(UV_FLAGS) -o .ci/judges/requirements.lock
	build/uv/bin/uv pip compile .ci/peers/requirements.in $(UV_FLAGS) -o .ci/peers/requirements.lock
	npm install --prefix .ci/judges --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --loglevel=error

# Known weaknesses of what the lock files name. The tool stands apart, as it would bind the product's versions.
audit: build/audit/.made
	@.ci/need npm npm
	@.ci/audit

build/audit/.made:
	@.ci/need python3-venv --test "$(PYTHON) -c 'import ensurepip, sys; assert sys.version_info >= (3, 11)'"
	$(PYTHON) -m venv build/audit
	build/audit/bin/pip install -q --disable-pip-version-check "pip-audit>=2.9,<3"
	@touch $@

.venv/.made:
	@.ci/need python3-venv --test "$(PYTHON) -c 'import ensurepip, sys; assert sys.version_info >= (3, 11)'"
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.runtime: .venv/.made requirements.lock pyproject.toml
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.lock
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# The Nu checker, which the tests ask whether pages are valid: only its archive, none of its scripts.
$(NU): .ci/nu/package.json .ci/nu/package-lock.json
	@.ci/need npm npm
	mkdir -p build/nu && cp .ci/nu/*.json build/nu
	npm ci --prefix build/nu --ignore-scripts --loglevel=error --no-audit --no-fund
	@touch $@

# Judges of releases that others have written, apart from the product, whose dependencies they would bind (docs/adr/0029).
$(JUDGES): .ci/judges/requirements.lock .ci/judges/package.json .ci/judges/package-lock.json
	@.ci/need python3-venv --test "$(PYTHON) -c 'import ensurepip, sys; assert sys.version_info >= (3, 11)'"
	@.ci/need npm npm
	$(PYTHON) -m venv build/judges
	build/judges/bin/pip install -q --disable-pip-version-check --require-hashes -r .ci/judges/requirements.lock
	cp .ci/judges/package*.json build/judges
	npm ci --prefix build/judges --ignore-scripts --loglevel=error --no-audit --no-fund
	@touch $@

# Rivals in the bench.
$(PEERS): .ci/peers/requirements.lock
	@.ci/need python3-venv --test "$(PYTHON) -c 'import ensurepip, sys; assert sys.version_info >= (3, 11)'"
	$(PYTHON) -m venv build/peers
	build/peers/bin/pip install -q --disable-pip-version-check --require-hashes -r .ci/peers/requirements.lock
	@touch $@

clean:
	rm -rf .venv build store public .dagster
