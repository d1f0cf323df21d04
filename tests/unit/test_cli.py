"""The command line as a whole: its table of commands, how quickly it starts, how it ends, and completion."""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mesosctl.cli import COMMANDS, main, root
from mesosctl.cli.completion import limit_words
from mesosctl.engine import audit, reset
from mesosctl.engine.limit import Limit, parse
from mesosctl.engine.report import Failure, HostReport, Report
from mesosctl.errors import ExitCode, RefusedError, UsageError
from mesosctl.inventory.load import load_inventory
from mesosctl.inventory.model import Role

INVENTORY = """\
name: demo
hosts:
  m1: {address: 10.0.0.1, roles: [zookeeper, master, marathon], zookeeper_id: 1}
  m2: {address: 10.0.0.2, roles: [zookeeper, master, marathon], zookeeper_id: 2}
  m3: {address: 10.0.0.3, roles: [zookeeper, master, marathon], zookeeper_id: 3}
  a1: {address: 10.0.0.4, roles: [agent]}
"""

HEAVY = {"paramiko", "fabric", "rich", "jinja2", "cryptography"}
"""What the commands that contact no host must not import."""

CPU_OF_HELP = 0.2
"""Seconds."""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY)
    return path


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`mesosctl ARGUMENTS`, with no terminal."""
    return subprocess.run(
        [sys.executable, "-m", "mesosctl", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        timeout=60,
    )


def imported_by(*arguments: str) -> set[str]:
    script = (
        "import sys\nfrom mesosctl.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('MODULES', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60)
    assert "MODULES" in done.stdout, done.stderr
    return set(done.stdout.rpartition("MODULES")[2].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    where, text = COMMANDS[name]
    module, _, attribute = where.partition(":")
    command: click.Command = getattr(importlib.import_module(f"mesosctl.cli.{module}"), attribute)
    assert command.get_short_help_str(limit=200) == text


@pytest.mark.parametrize("arguments", [["--help"], ["validate", "INVENTORY"], ["--version"]])
def test_commands_without_hosts_import_nothing_heavy(arguments: list[str], inventory: Path) -> None:
    arguments = [str(inventory) if word == "INVENTORY" else word for word in arguments]
    assert not imported_by(*arguments) & HEAVY


def test_help_costs_little() -> None:
    costs = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run("--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(costs) < CPU_OF_HELP


def test_a_run_without_a_terminal_imports_no_rich(inventory: Path) -> None:
    script = (
        "import sys, mesosctl.cli.bootstrap, mesosctl.cli.keys; print('rich' in sys.modules, 'paramiko' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "False"], done.stderr


class TestEndings:
    def test_a_wrong_option(self) -> None:
        assert run("plan", "--no-such-option").returncode == ExitCode.USAGE

    def test_an_unknown_command(self) -> None:
        done = run("plann")
        assert done.returncode == ExitCode.USAGE
        assert "did you mean plan?" in done.stderr

    def test_no_inventory(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "mesosctl", "plan"], capture_output=True, text=True, cwd=tmp_path, timeout=60
        )
        assert done.returncode == ExitCode.USAGE
        assert "mesosctl init" in done.stderr

    def test_an_invalid_inventory(self, tmp_path: Path) -> None:
        path = tmp_path / "inventory.yaml"
        path.write_text("name: demo\nhost: {}\n")
        done = run("bootstrap", "--yes", str(path))
        assert done.returncode == ExitCode.INVALID_INVENTORY
        assert f"{path}:2:1" in done.stderr

    def test_a_limit_that_is_nothing(self, inventory: Path) -> None:
        done = run("plan", str(inventory), "--limit", "agnet")
        assert done.returncode == ExitCode.USAGE
        assert "did you mean agent?" in done.stderr

    @pytest.mark.parametrize("command", ["bootstrap", "reset"])
    def test_nobody_to_ask(self, command: str, inventory: Path) -> None:
        done = run(command, str(inventory))
        assert done.returncode == ExitCode.USAGE
        assert "--yes" in done.stderr

    def test_a_password_is_not_asked_without_a_terminal(self, inventory: Path) -> None:
        done = run("plan", str(inventory), "-K")
        assert done.returncode == ExitCode.USAGE
        assert "no terminal" in done.stderr

    def test_reset_wants_the_right_name(self, inventory: Path) -> None:
        done = run("reset", str(inventory), "--yes-really", "other")
        assert done.returncode == ExitCode.REFUSED
        assert "nothing was changed" in done.stderr

    def test_a_defect_is_told_in_a_line_and_kept_in_a_file(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def broken(**_: object) -> None:
            raise KeyError("lost")

        monkeypatch.setattr(root, "main", broken)
        with pytest.raises(SystemExit) as ended:
            main([])
        told = capsys.readouterr().err
        assert ended.value.code == ExitCode.INTERNAL
        assert "Traceback" not in told
        kept = Path(told.split()[-1])
        assert "in broken" in kept.read_text()
        kept.unlink()

    def test_ctrl_c(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(**_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(root, "main", interrupted)
        with pytest.raises(SystemExit) as ended:
            main([])
        assert ended.value.code == ExitCode.INTERRUPTED


class TestCompletion:
    def test_hosts_roles_and_stages_of_the_inventory(self, inventory: Path) -> None:
        assert limit_words(str(inventory), "m") == ["m1", "m2", "m3", "master", "marathon", "masters", "marathons"]
        assert limit_words(str(inventory), "m1,pre") == ["m1,prepare"]

    def test_roles_without_an_inventory(self, tmp_path: Path) -> None:
        assert limit_words(str(tmp_path / "none.yaml"), "ag") == ["agent", "agents"]

    def test_a_shell_asks(self, inventory: Path) -> None:
        words = f"mesosctl plan {inventory} --limit a"
        done = run(COMP_WORDS=words, COMP_CWORD="4", _MESOSCTL_COMPLETE="bash_complete")
        assert [line.partition(",")[2] for line in done.stdout.splitlines()] == ["a1", "agent", "access", "agents"]

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_the_script_names_the_program(self, shell: str) -> None:
        done = run("completion", shell)
        assert done.returncode == 0
        assert f"_MESOSCTL_COMPLETE={shell}_complete" in done.stdout

    def test_bash_takes_its_script(self) -> None:
        script = run("completion", "bash").stdout
        assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0


class TestAudit:
    @pytest.fixture
    def runs(self, inventory: Path) -> list[str]:
        cluster = load_inventory(inventory)
        ids = []
        for number in range(3):
            report = Report(
                run_id=f"run-{number}", cluster="demo", action="bootstrap", hosts={"m1": HostReport(host="m1")}
            )
            audit.begin(cluster, report, str)
            if number == 1:
                report.hosts["m1"].failure = Failure(cause="no-space", message="full")
            if number != 2:
                audit.end(cluster, report, str, None)
            ids.append(report.run_id)
        return ids

    @pytest.fixture(autouse=True)
    def _state(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MESOSCTL_STATE", str(tmp_path / "state"))

    def test_the_newest_comes_last(self, inventory: Path, runs: list[str]) -> None:
        lines = run("audit", str(inventory)).stdout.splitlines()
        assert [line.split()[2] for line in lines[1:]] == runs
        assert "m1 (no-space)" in lines[2]
        assert "no end" in lines[3]

    def test_as_json(self, inventory: Path, runs: list[str]) -> None:
        found = json.loads(run("audit", str(inventory), "--last", "2", "--output", "json").stdout)
        assert [(one["run"], one["result"]) for one in found] == [("run-1", "failed"), ("run-2", "no end")]

    def test_one_run(self, inventory: Path, runs: list[str]) -> None:
        assert "m1 (no-space)" in run("audit", str(inventory), "--run", "run-1").stdout
        assert run("audit", str(inventory), "--run", "run-9").returncode == ExitCode.USAGE


class TestReset:
    def limit(self, inventory: Path, *words: str) -> Limit:
        return parse(words, load_inventory(inventory), ["access", "zookeeper"])

    def test_a_quorum_is_not_left_behind_halved(self, inventory: Path) -> None:
        cluster = load_inventory(inventory)
        with pytest.raises(RefusedError, match="m3 would be left without a quorum"):
            reset.refuse(cluster, self.limit(inventory, "m1,m2"))
        for fine in ("m1", "agent", "m1,m2,access", ""):
            reset.refuse(cluster, self.limit(inventory, fine))

    def test_data_go_after_the_services_and_before_their_folders(self, inventory: Path) -> None:
        steps = reset.steps(self.limit(inventory), data=True, keep_access=frozenset())
        names = [step.stage.name for step in reversed(steps)]
        assert names[:7] == ["tasks", "marathons", "agents", "masters", "zookeeper", "data", "configure"]
        assert names[-3:] == ["access", "releases", "notes"]

    def test_data_of_hosts_that_keep_their_services_stay(self, inventory: Path) -> None:
        with pytest.raises(UsageError):
            reset.steps(self.limit(inventory, "zookeeper,m1,access"), data=True, keep_access=frozenset())

    def test_only_the_data_of_the_roles_of_a_host_go(self, inventory: Path) -> None:
        cluster = load_inventory(inventory)
        data = next(step for step in reset.steps(self.limit(inventory), data=True, keep_access=frozenset())
                    if step.stage is reset.DATA)  # fmt: skip
        agent = next(iter(cluster.with_role(Role.AGENT)))
        paths = [item.id for item in data.resources(cluster, agent, None)]  # type: ignore[arg-type]
        assert paths == ["everything in /var/lib/mesos/agent", "everything in /var/log/mesos"]
