"""Commands and logs: what is cut out of what a host prints."""

from __future__ import annotations

import subprocess

import pytest

from mesosctl.engine.logs import Entry, LogReader, moment, service_named
from mesosctl.engine.remote import Output, program
from mesosctl.errors import UsageError


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize(
    ("command", "lines", "status"),
    [
        ("echo a; echo b", ["a", "b"], 0),
        ("printf a", ["a"], 0),
        ("printf 'a\\n\\n'", ["a", ""], 0),
        ("printf '\\n\\na'", ["", "", "a"], 0),
        (":", [], 0),
        ("echo", [""], 0),
        ("echo out; echo err >&2; exit 3", ["out", "err"], 3),
        ("echo 'it'\"'\"'s \"so\" $HOME' \\$x", ['it\'s "so" $HOME $x'], 0),
        ("cat; echo no input", ["no input"], 0),
        ("no-such-command 2>/dev/null", [], 127),
        ("set -e; false; echo not reached", [], 1),
    ],
)
def test_a_command_in_a_real_shell(shell: str, command: str, lines: list[str], status: int) -> None:
    seen: list[str] = []
    output = Output("NONCE", seen.append)
    done = subprocess.run([shell, "-s"], input=program(command, "NONCE"), capture_output=True, text=True, check=True)
    output.line("a banner of the login")
    for line in done.stdout.split("\n"):
        output.line(line)
    assert (seen, output.status) == (lines, status)


def test_a_command_that_was_cut_off_has_no_status() -> None:
    output = Output("NONCE", lambda line: None)
    for line in ("NONCE begin", "some", "NONCE2 end 0"):
        output.line(line)
    assert output.status is None


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 910.0), ("10m", 400.0), ("1h", -2600.0), ("1970-01-01T00:16:40+00:00", 1000.0)]
)
def test_moments(text: str, expected: float) -> None:
    assert moment(text, 1000.0) == expected


@pytest.mark.parametrize("text", ["", "10", "yesterday", "5w", "-5m"])
def test_no_moments(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        moment(text, 1000.0)


def test_an_unknown_service_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="zookeeper"):
        service_named("zoo")


class TestLogReader:
    def entries(self, *lines: str) -> list[Entry]:
        found: list[Entry] = []
        reader = LogReader("h1", "N", lambda text: text.replace("hush", "***"), found.append)
        for line in lines:
            reader.line(line)
        return found

    def test_file_lines_in_the_zone_of_the_host(self) -> None:
        [entry] = self.entries("N zone +0130", "N file 1970-01-01 01:30:10,250 INFO  [main] hush up")
        assert entry == Entry(time=10.25, host="h1", text="INFO  [main] *** up")
        [west] = self.entries("N zone -0500", "N file 1969-12-31 19:00:10,000 x")
        assert west.time == 10.0

    def test_journal_lines(self) -> None:
        [entry] = self.entries("N journal 1795387901.867329 h1 systemd[1]: Started it.")
        assert entry == Entry(time=1795387901.867329, host="h1", text="systemd[1]: Started it.")

    def test_a_stack_trace_stays_with_its_line(self) -> None:
        first, second = self.entries("N zone +0000", "N file 1970-01-01 00:00:10,000 ERROR x", "N file \tat java.lang")
        assert (second.time, second.follows, second.text) == (10.0, True, "\tat java.lang")
        assert not first.follows

    def test_the_rest_of_an_earlier_entry_is_left_out(self) -> None:
        assert self.entries("N file \tat java.lang", "a banner") == []
