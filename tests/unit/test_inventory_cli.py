"""`mesosctl init`, `validate` and `schema`, and the ways in which a command gets its inventory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mesosctl.cli import COMMANDS
from mesosctl.cli import inventory as commands
from mesosctl.cli.common import inventory_only_option, inventory_option
from mesosctl.errors import ExitCode

EXAMPLE = Path(__file__).parents[2] / "inventory.example.yaml"
GOOD = "name: demo\nhosts:\n  n1: {address: 192.0.2.1, roles: [master, agent]}\n"


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MESOSCTL_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("MESOSCTL_INVENTORY", raising=False)


def mesosctl(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mesosctl", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_help_lines_are_those_of_the_commands() -> None:
    for name in ("init", "validate", "schema"):
        command = getattr(commands, name)
        assert command.short_help == COMMANDS[name][1]
        assert command.help.startswith(COMMANDS[name][1])


def test_init_then_validate() -> None:
    done = mesosctl("init", "--name", "demo", "a=ops@192.0.2.1:2222", "b.example.com", "[2001:db8::1]")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "inventory.yaml written; next: mesosctl validate inventory.yaml\n"
    done = mesosctl("validate")
    assert (done.returncode, done.stdout) == (0, "inventory.yaml: valid, cluster demo with 3 hosts\n")
    assert done.stderr == ""
    text = Path("inventory.yaml").read_text()
    assert "  a:\n    address: 192.0.2.1\n" in text
    assert '  node1:\n    address: "2001:db8::1"\n' in text


def test_init_never_overwrites() -> None:
    Path("inventory.yaml").write_text("precious")
    done = mesosctl("init", "h1")
    assert (done.returncode, done.stdout) == (ExitCode.REFUSED, "")
    assert "inventory.yaml exists already" in done.stderr
    assert Path("inventory.yaml").read_text() == "precious"
    assert os.listdir() == ["inventory.yaml"]


def test_init_to_another_place() -> None:
    done = mesosctl("init", "h1", "--output", "-")
    assert done.stdout.startswith("# The inventory")
    assert os.listdir() == []
    assert mesosctl("init", "h1", "--output", "other.yaml").returncode == 0
    assert os.listdir() == ["other.yaml"]
    assert mesosctl("init", "h1", "--output", "no/such/folder.yaml").returncode == ExitCode.USAGE


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        (["h1", "h1"], "h1 is given twice"),
        (["a=192.0.2.1", "b=192.0.2.1"], "the same address"),
        (["192.0.2.300"], "is not a host name or IP address"),
        (["h1:0"], "is no host"),
        (["h1:99999"], "is no host"),
        (["@h1"], "is no host"),
        (["a b"], "is not a host name"),
        (["x_y=h1"], "is not a host name"),
        (["="], "is no host"),
        (["--name", "a/b", "h1"], "is not a name"),
        ([], "Missing argument"),
    ],
)
def test_init_of_what_is_no_host(hosts: list[str], words: str) -> None:
    done = mesosctl("init", *hosts)
    assert done.returncode == ExitCode.USAGE
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir() == []


def test_validate_prints_all_problems() -> None:
    Path("i.yaml").write_text(GOOD + "prot: 1\nssh: {password: hunter2}\n")
    done = mesosctl("validate", "i.yaml")
    assert done.returncode == ExitCode.INVALID_INVENTORY
    assert done.stdout == ""
    assert done.stderr.startswith("i.yaml:4:1: error: unknown key `prot`\n  prot: 1\n  ^\n  expected: one of name, ssh")
    assert "i.yaml:5:17: warning: a secret" in done.stderr
    assert done.stderr.endswith("i.yaml: 1 error, 1 warning\n")
    assert "hunter2" not in done.stderr


def test_validate_with_warnings_only() -> None:
    Path("i.yaml").write_text(GOOD + "ssh: {password: hunter2}\n")
    done = mesosctl("validate", "i.yaml")
    assert (done.returncode, done.stdout) == (0, "i.yaml: valid, cluster demo with 1 host; 1 warning\n")
    assert "warning: a secret" in done.stderr


def test_validate_as_json() -> None:
    Path("i.yaml").write_text(GOOD + "prot: 1\n")
    done = mesosctl("validate", "i.yaml", "--output", "json")
    assert (done.returncode, done.stderr) == (ExitCode.INVALID_INVENTORY, "")
    result = json.loads(done.stdout)
    assert (result["valid"], result["cluster"], result["hosts"]) == (False, None, [])
    (problem,) = result["problems"]
    assert (problem["severity"], problem["line"], problem["column"]) == ("error", 4, 1)
    Path("i.yaml").write_text(GOOD)
    result = json.loads(mesosctl("validate", "i.yaml", "--output", "json").stdout)
    assert result == {"inventory": "i.yaml", "valid": True, "cluster": "demo", "hosts": ["n1"], "problems": []}


def test_validate_without_secrets() -> None:
    Path("i.yaml").write_text(GOOD + "ssh: {password: env:NO_SUCH_VARIABLE}\n")
    assert mesosctl("validate", "i.yaml").returncode == ExitCode.INVALID_INVENTORY
    assert mesosctl("validate", "i.yaml", "--no-secrets").returncode == ExitCode.OK


def test_schema_is_json() -> None:
    schema = json.loads(mesosctl("schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False


def test_every_way_to_name_the_inventory() -> None:
    Path("a.yaml").write_text(GOOD)
    Path("b.yaml").write_text(GOOD.replace("demo", "other"))
    assert "cluster demo" in mesosctl("validate", "a.yaml").stdout
    assert "cluster demo" in mesosctl("validate", "-i", "a.yaml").stdout
    assert "cluster other" in mesosctl("validate", MESOSCTL_INVENTORY="b.yaml").stdout
    assert "cluster demo" in mesosctl("validate", "a.yaml", MESOSCTL_INVENTORY="b.yaml").stdout
    assert "cluster demo" in mesosctl("validate", "--inventory", "a.yaml", MESOSCTL_INVENTORY="b.yaml").stdout
    assert "cluster demo" in mesosctl("validate", "a.yaml", "-i", "a.yaml").stdout
    twice = mesosctl("validate", "a.yaml", "-i", "b.yaml")
    assert (twice.returncode, "given twice" in twice.stderr) == (ExitCode.USAGE, True)
    nothing = mesosctl("validate")
    assert (nothing.returncode, "no inventory given" in nothing.stderr) == (ExitCode.USAGE, True)
    Path("inventory.yaml").write_text(GOOD)
    assert "cluster demo" in mesosctl("validate").stdout


def test_commands_with_arguments_of_their_own() -> None:
    seen: list[tuple[Path, str]] = []

    @click.command()
    @click.argument("folder")
    @inventory_only_option
    def render(inventory: Path, folder: str) -> None:
        seen.append((inventory, folder))

    @click.command()
    @inventory_option
    @click.option("--yes", is_flag=True)
    def bootstrap(inventory: Path, yes: bool) -> None:
        """Words of help."""
        seen.append((inventory, str(yes)))

    render.main(["out", "-i", "x.yaml"], standalone_mode=False)
    bootstrap.main(["y.yaml", "--yes"], standalone_mode=False)
    assert seen == [(Path("x.yaml"), "out"), (Path("y.yaml"), "True")]
    assert bootstrap.help == "Words of help."


def test_validate_starts_quickly() -> None:
    """Within 150 ms of CPU on an idle machine of 2020; here with room for a busy one. And nothing heavy is loaded."""
    code = (
        "import sys; from mesosctl.cli import root;"
        f"root.main(['validate', {str(EXAMPLE)!r}], standalone_mode=False);"
        "heavy = {'jinja2', 'rich', 'paramiko', 'fabric', 'json', 'difflib'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    costs = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert mesosctl("validate", str(EXAMPLE)).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(costs) < 0.25
