"""The README's tables agree with the code."""

from __future__ import annotations

import re
from pathlib import Path

from mesosctl.cli import COMMANDS
from mesosctl.errors import ExitCode

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_every_command_is_listed_with_its_own_words() -> None:
    listed = re.findall(r"^\| `mesosctl ([a-z-]+)` \| (.+) \|$", README, re.MULTILINE)
    assert listed == [(name, text) for name, (_, text) in COMMANDS.items()]


def test_every_exit_code_is_listed() -> None:
    listed = re.findall(r"^\| (\d+) \| .+ \|$", README, re.MULTILINE)
    assert [int(code) for code in listed] == [code.value for code in ExitCode]
