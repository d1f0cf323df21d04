"""`mesosctl app` around its work: which Marathon, secrets, completion, and how quickly it starts."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from mesosctl.cli import app_connection, root
from mesosctl.errors import ExitCode, UsageError
from mesosctl.inventory.secrets import secret
from tests.unit.app_server import serving
from tests.unit.test_cli import HEAVY, imported_by, run

APPS = {"apps": [{"id": "/web", "instances": 0}, {"id": "/shop/web"}, {"id": "/shop/db"}]}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("app show /", ["/web", "/shop/web", "/shop/db"]),
        ("app show shop/d", ["shop/db"]),
        ("app destroy /web /s", ["/shop/web", "/shop/db"]),
        ("app show -m http://127.0.0.1:1 /w", []),
    ],
)
def test_ids_are_completed(words: str, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    *before, incomplete = words.split()
    monkeypatch.setattr(app_connection, "COMPLETION_SECONDS", 60.0)
    with serving(lambda *_: (200, APPS)) as asked:
        monkeypatch.setenv("MESOSCTL_MARATHON", asked.url)
        shell = BashComplete(root, {}, "mesosctl", "_MESOSCTL_COMPLETE")
        assert [each.value for each in shell.get_completions(before, incomplete)] == found


def test_completion_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_connection, "COMPLETION_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MESOSCTL_MARATHON", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert BashComplete(root, {}, "mesosctl", "_MESOSCTL_COMPLETE").get_completions(["app", "show"], "/") == []


def test_nothing_heavy_is_imported() -> None:
    def route(method: str, path: str, body: object) -> tuple[int, object]:
        return 200, APPS if path.startswith("/v2/apps") else {"queue": []}

    with serving(route) as asked:
        assert not imported_by("app", "--help") & HEAVY
        assert not imported_by("app", "list", "--marathon", asked.url) & HEAVY
    assert len(asked.requests) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["list"], ExitCode.USAGE, "--marathon"),
        (["list", "-m", "http://127.0.0.1:1"], ExitCode.FAILED, "nothing listens there"),
        (["list", "-m", "http://ops:secret@127.0.0.1:1"], ExitCode.USAGE, "--user"),
        (["list", "-m", "http://127.0.0.1:1", "--user", "ops:secret"], ExitCode.USAGE, "env:NAME or file:PATH"),
        (["list", "-m", "http://127.0.0.1:1", "--user", "ops"], ExitCode.USAGE, "ops:env:VARIABLE"),
        (["list", "-m", "http://127.0.0.1:1", "--via-ssh", "-i", "none.yaml"], ExitCode.INVALID_INVENTORY, "none.yaml"),
        (["run", "none.json", "-m", "http://127.0.0.1:1"], ExitCode.USAGE, "No such file"),
    ],
)
def test_mistakes(
    arguments: list[str], code: ExitCode, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    done = run("app", *arguments)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "secret" not in done.stderr.replace("a secret is", "")


class TestSecret:
    def test_references(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PASSWORD", "p")
        (tmp_path / "password").write_text("q\n")
        assert secret("env:PASSWORD").reveal() == "p"
        assert secret(f"file:{tmp_path / 'password'}").reveal() == "q"

    @pytest.mark.parametrize("reference", ["plain", "env:", "file:", "env:NO_SUCH_VARIABLE", "file:/no/such/file"])
    def test_what_is_none(self, reference: str) -> None:
        with pytest.raises(UsageError):
            secret(reference)

    def test_more_than_a_line(self, tmp_path: Path) -> None:
        (tmp_path / "password").write_text("q\nr\n")
        with pytest.raises(UsageError, match="one line"):
            secret(f"file:{tmp_path / 'password'}")
