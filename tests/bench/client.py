"""mesosctl with the payload, the way `bootstrap` works: inventory, facts and locks, one stage, report, audit log.

`python -m tests.bench.client INVENTORY` prints how many resources were changed and how many hosts failed.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from mesosctl.cli import COLLECT_AFTER
from mesosctl.engine.report import Status
from mesosctl.engine.run import Run
from mesosctl.engine.stage import Stage
from mesosctl.inventory.load import load_inventory
from mesosctl.resources.program import APPLY
from mesosctl.resources.types import Command, File, Resource
from mesosctl.transport.ssh import SshTransport
from tests.bench import payload


def resources() -> list[Resource]:
    files = [File(path=str(file.path), content=file.content, mode=file.mode) for file in payload.FILES]
    commands = [Command(name=item.name, check=item.check, apply=item.apply) for item in payload.COMMANDS]
    return [*files, *commands]


def main(inventory: str) -> int:
    gc.set_threshold(COLLECT_AFTER)  # as the command line does
    cluster = load_inventory(Path(inventory))
    with Run(cluster, SshTransport(cluster), action="bootstrap", writes=True) as run:
        run.gather()
        wanted = {host.name: resources() for host in run.alive}
        Stage(run=run, name="bench", resources=wanted, mode=APPLY, last=True).take()
    failed = {name: host.failure.message for name, host in run.report.hosts.items() if host.failure}
    print(f"changed {run.report.count(Status.CHANGED)} failed {failed or 0}")
    return int(run.report.failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
