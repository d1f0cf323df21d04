"""What a run looks like: the summary on one screen, the JSON document, plain lines, the live table, the changes."""

from __future__ import annotations

import io
import itertools
import json

import click
import pytest
from rich.console import Console

from mesosctl.cli import changes, summary
from mesosctl.cli.common import RunOptions
from mesosctl.cli.display import Lines, watch
from mesosctl.cli.live import Board, View
from mesosctl.cli.session import exit_code
from mesosctl.cli.summary import host_list
from mesosctl.engine.report import Failure, HostReport, Report, Result, Silent, StageResult, Status
from mesosctl.errors import ExitCode

FULL = Failure(cause="no-space", message="cannot write /etc/hosts: 100% of the disk used", fix="free some space")


def report(*hosts: HostReport) -> Report:
    return Report(
        run_id="r1", cluster="demo", action="bootstrap", hosts={host.host: host for host in hosts}, seconds=61
    )


def host(
    name: str, *statuses: Status, failure: Failure | None = None, notes: tuple[str, ...] = (), diff: str = ""
) -> HostReport:
    results = [Result(resource=f"file /etc/{n}", status=status, diff=diff) for n, status in enumerate(statuses)]
    stages = [StageResult(stage="prepare", results=results)]
    return HostReport(host=name, stages=stages, failure=failure, notes=list(notes))


def text(of: Report, width: int = 100, height: int = 30) -> list[str]:
    return [click.unstyle(line) for line in summary.lines(of, width, height)]


class TestSummary:
    def test_hosts_with_the_same_result_share_a_line(self) -> None:
        both = (Status.OK, Status.CHANGED)
        lines = text(report(host("h1", *both), host("h2", *both), host("h3", *both), host("h7", Status.OK)))
        assert lines[1] == "bootstrap demo: 3 changes on 4 hosts in 1 min 01 s"
        assert lines[3:] == [
            "       ok  changed  hosts",
            "        1        1  h1-h3",
            "        1        -  h7",
        ]

    def test_a_failure_has_cause_message_and_what_to_do(self) -> None:
        lines = text(report(host("h1", Status.OK), host("h2", failure=FULL), host("h3", failure=FULL)))
        assert lines[1].startswith("bootstrap demo: 2 of 3 hosts failed in ")
        assert lines[-2:] == [
            "h2-h3: no-space: cannot write /etc/hosts: 100% of the disk used",
            "  → free some space",
        ]

    def test_what_the_operator_has_to_do(self) -> None:
        lines = text(report(host("h1", notes=("reboot required",)), host("h2", notes=("reboot required",))))
        assert lines[-2:] == ["Notes:", "  reboot required: h1-h2"]

    def test_after_ctrl_c_it_says_where_the_hosts_stopped(self) -> None:
        stopped = Failure(cause="interrupted", message="interrupted while it was at work")
        found = report(
            host("h1", Status.CHANGED, Status.SKIPPED, Status.SKIPPED, failure=stopped), host("h2", Status.CHANGED)
        )
        found.interrupted = True
        lines = text(found)
        assert lines[1] == "bootstrap demo: interrupted, 2 changes on 2 hosts in 1 min 01 s"
        assert lines[-3:] == [
            "Stopped at:",
            "  h1: file /etc/1",
            "What was done stays done; run it again to go on.",
        ]

    def test_a_thousand_different_failures_fit_a_screen(self) -> None:
        hosts = [
            host(f"h{n}", failure=Failure(cause="unreachable", message=f"10.0.0.{n}: no route", fix="is it up?"))
            for n in range(1000)
        ]
        lines = text(report(*hosts, host("x", failure=FULL)), width=80, height=24)
        assert len(lines) < 24
        assert all(len(line) <= 80 for line in lines)
        assert any("h0-h999: unreachable: e.g. 10.0.0.0: no route" in line for line in lines)
        assert any(line.startswith("x: no-space") for line in lines)

    def test_what_does_not_fit_is_counted(self) -> None:
        hosts = [host(f"h{n}", failure=Failure(cause=f"cause-{n}", message="so", fix="do")) for n in range(40)]
        lines = text(report(*hosts), height=24)
        assert len(lines) == 23
        assert "more lines" in lines[-1]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["h1", "h2", "h3", "h5"], "h1-h3, h5"),
        (["n08", "n09", "n10"], "n08-n10"),
        (["n9", "n10"], "n9-n10"),
        (["n09", "n010"], "n09, n010"),
        (["a", "b"], "a, b"),
        (["a1.example", "a2.example", "b3.example"], "a1.example-a2.example, b3.example"),
        (["10.0.0.1", "10.0.0.2"], "10.0.0.1-10.0.0.2"),
    ],
)
def test_names_of_hosts_are_joined(names: list[str], shown: str) -> None:
    assert host_list(names, 80) == shown


def test_many_names_are_counted() -> None:
    names = [f"{letter}1" for letter in "abcdefghijklmnopqrstuvwxyz"]
    shown = host_list(names, 40)
    assert len(shown) <= 40
    assert shown.endswith("… (26 hosts)")


class TestDocument:
    def test_it_is_the_only_thing_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        summary.show(report(host("h1", Status.CHANGED, diff="+a"), host("h2", failure=FULL)), RunOptions(output="json"))
        printed = capsys.readouterr()
        document = json.loads(printed.out)
        assert printed.err == ""
        assert document["hosts"]["h1"]["stages"][0]["results"][0]["diff"] == "+a"
        assert document["hosts"]["h2"]["failure"]["cause"] == "no-space"
        assert document["counts"]["changed"] == 1

    def test_progress_stays_off_standard_output(self) -> None:
        with watch("x", ["h1"], [], RunOptions(output="json"), quiet=False) as listener:
            assert isinstance(listener, Silent)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (report(host("h1", Status.OK)), ExitCode.OK),
        (report(host("h1", Status.CHANGED)), ExitCode.OK),
        (report(host("h1", Status.PENDING)), ExitCode.CHANGES_PENDING),
        (report(host("h1", Status.PENDING), host("h2", failure=FULL)), ExitCode.FAILED),
        (Report(run_id="r", cluster="c", action="a", interrupted=True), ExitCode.INTERRUPTED),
    ],
)
def test_exit_codes(given: Report, code: ExitCode) -> None:
    assert exit_code(given) is code


class TestLines:
    def play(self, lines: Lines) -> None:
        lines.stage_started("prepare", ["h1", "h2"])
        lines.host_started("h1", "prepare")
        lines.result("h1", "prepare", Result(resource="file /a", status=Status.OK))
        lines.result("h1", "prepare", Result(resource="file /b", status=Status.CHANGED, message="create"))
        lines.host_finished("h1", "prepare", None)
        lines.host_started("h2", "prepare")
        lines.host_finished("h2", "prepare", FULL)

    def test_a_line_for_changes_failures_and_ends(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.play(Lines(verbose=False))
        assert capsys.readouterr().out.splitlines() == [
            "== prepare: 2 hosts",
            "h1: changed file /b: create",
            "h1: prepare done: 1 ok, 1 changed (0.0 s)",
            "h2: failed prepare, no-space: cannot write /etc/hosts: 100% of the disk used",
        ]

    def test_verbose_shows_what_holds(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.play(Lines(verbose=True))
        assert "h1: ok file /a" in capsys.readouterr().out

    def test_a_reader_that_goes_away_ends_no_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def gone(*_: object, **__: object) -> None:
            raise BrokenPipeError

        monkeypatch.setattr(click, "echo", gone)
        self.play(Lines(verbose=True))


def drawn(board: Board, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None)
    console.print(View(board, console).draw())
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


class TestLive:
    def test_a_row_for_each_host(self) -> None:
        board = Board("bootstrap demo", ["h1", "h2"], ["prepare", "packages"])
        board.stage_started("facts", ["h1", "h2"])
        for name in ("h1", "h2"):
            board.host_started(name, "facts")
        board.host_finished("h1", "facts", None)
        board.host_finished("h2", "facts", FULL)
        board.stage_started("prepare", ["h1"])
        board.host_started("h1", "prepare")
        board.result("h1", "prepare", Result(resource="file /a", status=Status.CHANGED))
        board.host_finished("h1", "prepare", None)
        board.host_started("h1", "packages")
        board.resource_started("h1", "packages", "packages socat")
        lines = drawn(board, 100, 30)
        assert lines[0].split() == ["bootstrap", "demo", "0:00", "2", "hosts", "1", "failed"]
        assert lines[2].split() == ["host", "facts", "prepare", "packages"]
        assert lines[3].split()[:4] == ["h1", "✔", "✔", "1"]
        assert lines[3].rstrip().endswith("0:00  packages socat")
        assert "no-space: cannot write" in lines[4]

    @pytest.mark.parametrize(("hosts", "height"), list(itertools.product((1, 20, 45, 1000), (24, 50))))
    def test_it_fits_the_terminal(self, hosts: int, height: int) -> None:
        names = [f"host{number}" for number in range(hosts)]
        board = Board("bootstrap demo", names, ["access", "prepare", "packages", "configure", "zookeeper"])
        board.stage_started("facts", names)
        for name in names:
            board.host_started(name, "facts")
        lines = drawn(board, 80, height)
        assert len(lines) < height
        assert all(len(line) <= 80 for line in lines)


class TestChanges:
    def test_the_same_change_is_shown_once(self) -> None:
        diff = "--- /etc/0\n+++ /etc/0\n@@ -0,0 +1 @@\n+line"
        found = report(
            host("h1", Status.PENDING, diff=diff), host("h2", Status.PENDING, diff=diff), host("h3", Status.PENDING)
        )
        shown = [click.unstyle(line) for line in changes.lines(found, {"prepare": "Names"}, 80, diffs=True)]
        assert shown == [
            "",
            "Names (prepare)",
            "  file /etc/0  h1-h2",
            *(f"      {line}" for line in diff.splitlines()),
            "  file /etc/0  h3",
        ]

    def test_what_holds_is_no_change(self) -> None:
        assert list(changes.lines(report(host("h1", Status.OK, Status.FAILED)), {}, 80, diffs=True)) == []
