"""The programs with which the engine asks hosts are clean in every shell that may read them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mesosctl import engine

SCRIPTS = sorted(Path(engine.__path__[0]).glob("*.sh"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_syntax(path: Path, shell: str) -> None:
    subprocess.run([shell, "-n", str(path)], check=True)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck(path: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("no shellcheck here")
    # SC2154: variables are set by the head of the program
    done = subprocess.run(
        ["shellcheck", "--shell=sh", "--exclude=SC2154", str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
