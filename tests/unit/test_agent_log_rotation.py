"""The outputs of containers, kept below a size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mesosctl.runtime.agent.log_rotation import LOGGER, Limit, limits, rotate


def modules(**parameters: str) -> str:
    values = [{"key": key, "value": value} for key, value in parameters.items()]
    return json.dumps({"libraries": [{"file": "liblogrotate.so", "modules": [{"name": LOGGER, "parameters": values}]}]})


def test_what_the_flags_say() -> None:
    assert limits(None, None) == {}
    assert limits(LOGGER, None) == {"stdout": Limit(10 * 2**20, 0), "stderr": Limit(10 * 2**20, 0)}
    flag = modules(max_stdout_size="5MB", logrotate_stdout_options="compress\nrotate 9", max_stderr_size="1KB")
    assert limits(LOGGER, flag) == {"stdout": Limit(5 * 2**20, 9), "stderr": Limit(1024, 0)}
    for logger, text in (("other", None), (LOGGER, "{"), (LOGGER, modules(max_stdout_size="much"))):
        with pytest.raises(ValueError, match=r"Unknown container logger|cannot be read|bytes"):
            limits(logger, text)


def test_a_writer_goes_on_in_a_file_that_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "stdout"
    with path.open("ab", buffering=0) as writer:
        for number in range(8):
            writer.write(f"{number}234567".encode())
            rotate(path, Limit(14, 2))
        writer.write(b"end")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["stdout", "stdout.1", "stdout.2"]
    assert path.read_bytes() == b"end"
    assert path.with_name("stdout.1").read_bytes() == b"62345677234567"
    assert path.with_name("stdout.2").read_bytes() == b"42345675234567"


def test_no_older_file_is_kept_unless_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "stderr"
    path.write_bytes(b"x" * 20)
    rotate(path, Limit(20, 0))
    assert [each.name for each in tmp_path.iterdir()] == ["stderr"]
    assert path.stat().st_size == 0
