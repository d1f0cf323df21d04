"""The releases of Mesos that are still on a host once all its processes are of the present one.

The one before it stays: going back to it sends nothing. An executor may still run from an older one; that one goes
when the executor has gone.
"""

from __future__ import annotations

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Command, Resource
from mesosctl.tasks.mesos_package import CURRENT, HOME
from mesosctl.tasks.mesos_python import runs_mesos

TITLE = "Releases of Mesos"

_OUTDATED = f"""\
outdated() {{
	ls -td {HOME}/*/.mesosctl-archive 2>/dev/null | sed 's,/[^/]*$,,' |
		grep -vxe {CURRENT} -e {HOME}/"$(readlink {CURRENT})" | sed 1d |
		while read -r release; do echo "$release/" | grep -qsFf - /proc/[0-9]*/cmdline || echo "$release"; done
}}
"""
_DROP = """rm -rf {release} && forget - "created "{release} && ascend - {release}"""
"""The host's notes are kept right by functions of the program's prelude."""


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    """Marathon is restarted last: where it runs, this is for the stage of it."""
    if host.has(Role.MARATHON) or not runs_mesos(host):
        return []
    return [outdated()]


def outdated() -> Command:
    """None that no process runs from is left, but the one before the present one."""
    return Command(
        name=f"no outdated releases in {HOME}",
        check=_OUTDATED + '[ -z "$(outdated)" ]',
        apply=f"{_OUTDATED}for release in $(outdated); do {_DROP.format(release='$release')}; done",
    )


def all_releases() -> Command:
    """All releases, to be taken back once nothing leads to them."""
    drop, current = _DROP.format(release="${mark%/*}"), _DROP.format(release=CURRENT)
    return Command(
        name=f"releases in {HOME}",
        check=f"ls {HOME}/*/.mesosctl-archive",
        apply="false",
        revert=f"{current}; for mark in {HOME}/*/.mesosctl-archive; do {drop}; done",
    )
