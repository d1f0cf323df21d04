"""One small inventory a case, beside it the text that `mesosctl validate` shall print. A new case needs no code."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesosctl.inventory.load import read

CASES = Path(__file__).parent / "cases" / "inventory"
NAMES = sorted(path.stem for path in CASES.glob("*.yaml"))


def printed(name: str) -> str:
    """What is printed of the case, run from the folder of the cases."""
    loaded = read(Path(f"{name}.yaml"))
    summary = "valid" if loaded.cluster else "invalid"
    return "\n".join([*map(str, loaded.problems), summary]).replace(str(Path.cwd()), ".") + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(CASES)
    monkeypatch.setenv("MESOSCTL_STATE", str(tmp_path))
    monkeypatch.setenv("SET", "secret")
    monkeypatch.setenv("SECRET_WITH_AT", "a@b")
    monkeypatch.delenv("UNSET", raising=False)
    assert printed(name) == (CASES / f"{name}.txt").read_text()


def test_every_expectation_has_its_inventory() -> None:
    assert sorted(path.stem for path in CASES.glob("*.txt")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_names_say_the_outcome(name: str) -> None:
    valid = (CASES / f"{name}.txt").read_text().endswith("\nvalid\n") or (
        CASES / f"{name}.txt"
    ).read_text() == "valid\n"
    assert valid or not name.startswith("valid-")


def test_no_expectation_shows_a_secret() -> None:
    for path in CASES.glob("*.txt"):
        assert "hunter2" not in path.read_text(), path
        assert "s%40crt" not in path.read_text(), path
