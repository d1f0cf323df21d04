# The two commands of the README. Each makes the virtual environment and installs what it needs; both run as root.
VENV := .venv
BIN := $(VENV)/bin
LAB := demo

.PHONY: demo demo-down test test-slow fuzz lint bench bench-runtime clean

demo: $(VENV)/.ready system  ## Five local hosts, bootstrapped to a running cluster with the guide's nginx app on it
	$(BIN)/mesosctl lab up --name $(LAB) --hosts 5 --inventory $(LAB).yaml
	$(BIN)/mesosctl validate $(LAB).yaml
	$(BIN)/mesosctl bootstrap $(LAB).yaml --yes
	$(BIN)/mesosctl start-cluster $(LAB).yaml
	$(BIN)/mesosctl lab load --name $(LAB) nginx
	$(BIN)/python -m tests.demo $(LAB).yaml
	@echo "Look around with: $(BIN)/mesosctl lab ssh --name $(LAB) h1. Remove the hosts with: make demo-down"

demo-down: $(VENV)/.ready
	$(BIN)/mesosctl lab down --name $(LAB)
	rm -f $(LAB).yaml

test: $(VENV)/.ready system lint  ## Everything, real hosts included
	$(BIN)/pytest -n 2 tests/unit tests/integration tests/cluster tests/bench

test-slow: test  ## And what takes long: the Molecule scenarios of all roles, hosts with a kernel of their own
	for role in roles/*/molecule; do (cd $$role/.. && LC_ALL=C.UTF-8 PATH=$(CURDIR)/$(BIN):$$PATH molecule test) || exit 1; done
	sh tests/install-system-packages.sh user-mode-linux
	$(BIN)/pytest tests/machines

fuzz: $(VENV)/.ready  ## The unit tests with generated cases that are new each time
	MESOSCTL_TESTS_BY_CHANCE=1 $(BIN)/pytest tests/unit

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	LC_ALL=C.UTF-8 PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/ansible-lint --offline roles

bench: $(VENV)/.ready system bench-runtime  ## Speed beside ansible-core, pyinfra and plain ssh, and that of the runtime
	python3 -m venv $(VENV)/peers
	$(VENV)/peers/bin/pip install --quiet '.[bench]'
	$(BIN)/python -m tests.bench --peers $(VENV)/peers/bin --json bench.json

bench-runtime: $(VENV)/.ready system  ## Speed of the bundled master, agent and Marathon; simulated agents
	$(BIN)/python -m tests.bench.tasks --json bench-tasks.json
	$(BIN)/python -m tests.bench.listening
	$(BIN)/python -m tests.bench.allocator 10000 5
	$(BIN)/python -m tests.bench.state
	$(BIN)/python -m tests.bench.master --json bench-master.json
	$(BIN)/python -m tests.bench.marathon --json bench-marathon.json

system:
	@sh tests/install-system-packages.sh

$(VENV)/.ready: pyproject.toml
	@command -v python3 >/dev/null || { echo "python3 is missing: apt-get install python3 python3-venv" >&2; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed" >&2; exit 1; }
	python3 -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV)
