"""Running the operator's own commands on the hosts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mesosctl.engine import audit
from mesosctl.engine.command import run_command
from mesosctl.engine.run import Run
from mesosctl.inventory.model import Host
from mesosctl.transport.errors import TransportError

OnLine = Callable[[str, str], None]
"""Called with a host and a line of output as it arrives, from that host's thread."""

EXIT_STATUS = "exit-status"
"""The cause of a failure where the command itself ended with another status than 0."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How a command went on one host."""

    host: str
    status: int | None = None
    """Exit status, None where it did not end or was never begun."""
    lines: list[str] = field(default_factory=list)
    """Its output, secrets masked."""


def execute(run: Run, command: str, on_line: OnLine) -> dict[str, Outcome]:
    """Run a command, a text for sh, on all hosts of the run at once, both outputs as one; how it went, by host.

    A host where it ends with another status than 0 counts as failed in the run's report; the audit log tells of the
    run. Returns also after Ctrl-C, which the run's report then says.
    """
    outcomes = {host.name: Outcome(host=host.name) for host in run.hosts}
    error: BaseException | None = None

    def work(host: Host) -> None:
        outcome = outcomes[host.name]

        def take(line: str) -> None:
            masked = run.mask(line)
            outcome.lines.append(masked)
            on_line(host.name, masked)

        connection, timeout = run.connection(host), run.options.host_timeout
        outcome.status = run_command(connection, host.name, command, take, joined=True, timeout=timeout).status
        if outcome.status:
            raise TransportError(EXIT_STATUS, f"ended with exit status {outcome.status}", host=host.name)

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
        audit.end(run.cluster, run.report, run.mask, error)
    return outcomes
