"""Commands and logs: what is cut out of what a host prints."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import pytest

from mesosctl.engine.command import run_command
from mesosctl.engine.logs import Entry, LogReader, moment, service_named
from mesosctl.errors import UsageError
from mesosctl.transport import Completed
from mesosctl.transport.errors import TransportError
from mesosctl.verify.backend import Backend


@dataclass
class Shell:
    """A connection to a shell of this machine that prints a banner, and may end before all has come."""

    program: str = "sh"
    lines: int | None = None
    """How many arrive, the banner included; None: all."""

    def run(self, program: str, on_line: Callable[[str], None], *, timeout: float) -> Completed:
        done = subprocess.run([self.program, "-s"], input=program, capture_output=True, text=True, timeout=timeout)
        for line in ["a banner of the login", *done.stdout.splitlines()][: self.lines]:
            on_line(line)
        return Completed(done.returncode, done.stderr)

    def put(self, source: BinaryIO, path: str, *, timeout: float) -> None:
        raise NotImplementedError

    def close(self) -> None: ...


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
    ended = run_command(Shell(shell), "h1", command, seen.append, joined=True, timeout=60)
    assert (seen, ended.status) == (lines, status)


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize("output", ["", "a", "a\n", "\n", "\n\n", "\na\n\nb", "a\n\n"])
def test_what_a_promise_reads_is_the_output_to_the_letter(shell: str, output: str) -> None:
    done = Backend("h1", Shell(shell)).run("printf %s %s; echo no >&2; exit 4", "%s", output)
    assert (done.stdout, done.stderr, done.rc) == (output, "no\n", 4)


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_promise_reads_a_script_with_a_document_in_it(shell: str) -> None:
    done = Backend("h1", Shell(shell)).run("bash <<'END'\nprintf %s \"it's\"\nEND\n")
    assert (done.stdout, done.rc) == ("it's", 0)


@pytest.mark.parametrize("arrived", [0, 1, 2, 3, 4, 5])
def test_an_answer_that_was_cut_off_is_none(arrived: int) -> None:
    """Of the banner, the begin, a, b, the end of a line, and the end."""
    command, host = "echo a; echo b", Shell(lines=arrived)
    with pytest.raises(TransportError) as lost:
        run_command(host, "h1", command, lambda line: None, joined=True, timeout=60)
    assert (lost.value.cause, lost.value.host) == ("connection-lost", "h1")
    with pytest.raises(TransportError):
        Backend("h1", host).run(command)
    assert Backend("h1", Shell(lines=6)).run(command).stdout == "a\nb\n"


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
