"""Running the operator's own commands on the hosts.

A command runs as root in a sh that reads it from standard input, so that no process list shows it. Its own input is
empty; its two outputs are one, so that their order is kept. What it prints lies between two lines with a nonce; what
a login shell prints before counts for nothing.
"""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mesosctl.engine import audit
from mesosctl.engine.causes import lost
from mesosctl.engine.run import Run
from mesosctl.inventory.model import Host
from mesosctl.transport.errors import TransportError

OnLine = Callable[[str, str], None]
"""Called with a host and a line of output as it arrives, from that host's thread."""

EXIT_STATUS = "exit-status"
"""The cause of a failure where the command itself ended with another status than 0."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How a command went on one host."""

    host: str
    status: int | None = None
    """Exit status, None where it did not end or was never begun."""
    lines: list[str] = field(default_factory=list)
    """Its output, secrets masked."""


class Output:
    """Cuts the output of a command out of what the host prints."""

    def __init__(self, nonce: str, on_line: Callable[[str], None]) -> None:
        self._begin, self._end = f"{nonce} begin", f"{nonce} end "
        self._on_line = on_line
        self._begun = False
        self._empty = False
        self.status: int | None = None

    def line(self, line: str) -> None:
        """Takes one line that the host printed."""
        if not self._begun or self.status is not None:
            self._begun = self._begun or line == self._begin
        elif line.startswith(self._end):
            # An empty line that is still kept is of the program's own making: it ends the command's last line.
            self.status = int(line.removeprefix(self._end))
        else:
            if self._empty:
                self._on_line("")
            self._empty = not line
            if line:
                self._on_line(line)


def program(command: str, nonce: str) -> str:
    """The program that runs a command (a text for sh) on a host."""
    return (
        f"PATH={PATH}\nexport PATH\ncd\nmain() {{\nprintf '%s\\n' '{nonce} begin'\n"
        f"(eval {shlex.quote(command)}) 2>&1\nprintf '\\n%s %s\\n' '{nonce} end' $?\n}}\nmain </dev/null\n"
    )


def execute(run: Run, command: str, on_line: OnLine, *, recorded: bool) -> dict[str, Outcome]:
    """Run a command on all hosts of the run at once; how it went, by host.

    A host where it ends with another status than 0 counts as failed in the run's report. `recorded`: the audit log
    tells of it. Returns also after Ctrl-C, which the run's report then says.
    """
    outcomes = {host.name: Outcome(host=host.name) for host in run.hosts}
    error: BaseException | None = None

    def work(host: Host) -> None:
        nonce = secrets.token_hex(8)
        outcome = outcomes[host.name]

        def take(line: str) -> None:
            masked = run.mask(line)
            outcome.lines.append(masked)
            on_line(host.name, masked)

        output = Output(nonce, take)
        run.connection(host).run(program(command, nonce), output.line, timeout=run.options.host_timeout)
        outcome.status = output.status
        if output.status is None:
            raise lost(host.name)
        if output.status:
            raise TransportError(EXIT_STATUS, f"ended with exit status {output.status}", host=host.name)

    if recorded:
        audit.begin(run.cluster, run.report, run.mask)
    started = time.monotonic()
    try:
        run.on_hosts("exec", run.alive, work)
    except KeyboardInterrupt:
        run.report.interrupted = True
    except BaseException as problem:
        error = problem
        raise
    finally:
        run.report.seconds = time.monotonic() - started
        if recorded:
            audit.end(run.cluster, run.report, run.mask, error)
    return outcomes
