"""`mesosctl app` around its work: which Marathon, secrets, completion, and how quickly it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesosctl.errors import ExitCode, UsageError
from mesosctl.inventory.secrets import secret
from tests.unit.app_server import Asked, serving
from tests.unit.test_cli import HEAVY, imported_by, run

APPS = {"apps": [{"id": "/web", "instances": 0}, {"id": "/shop/web"}, {"id": "/shop/db"}]}


def completed(words: str, asked: Asked) -> list[str]:
    environment = {"MESOSCTL_MARATHON": asked.url, "_MESOSCTL_COMPLETE": "bash_complete"}
    done = run(COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1), **environment)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("mesosctl app show /", ["/web", "/shop/web", "/shop/db"]),
        ("mesosctl app show shop/d", ["shop/db"]),
        ("mesosctl app destroy /web /s", ["/shop/web", "/shop/db"]),
        ("mesosctl app show -m http://127.0.0.1:1 /w", []),
    ],
)
def test_ids_are_completed(words: str, found: list[str]) -> None:
    with serving(lambda *_: (200, APPS)) as asked:
        assert completed(words, asked) == found


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
