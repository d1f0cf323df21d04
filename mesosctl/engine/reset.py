"""Taking everything back: which steps a reset has beyond the chapters, and what it must not do.

A workflow with `Mode(unset=True)` goes through its steps backwards: agents end their tasks, the services stop, then
their data are deleted where that was asked for, the chapters are taken back, the way in of the operator is the last of
them, and at the very end mesosctl's own notes on the host go, once they are empty.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from mesosctl.engine import rolling, workflow
from mesosctl.engine.facts import Facts
from mesosctl.engine.limit import Limit
from mesosctl.engine.workflow import Step
from mesosctl.errors import RefusedError, UsageError
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.program import STATE_DIR
from mesosctl.resources.types import Block, Command, Resource
from mesosctl.tasks import Stage, mesos_releases, mesos_service
from mesosctl.tasks.mesos_python import runs_mesos

TASKS = Stage("tasks", "Tasks of the agents", ())
RELEASES = Stage("releases", "Releases of Mesos", ())
DATA = Stage("data", "Data and logs", ())
NOTES = Stage("notes", "What mesosctl remembers on the host", ())


def steps(limit: Limit, *, data: bool, keep_access: frozenset[str]) -> list[Step]:
    """The steps of a reset, in the order of a bootstrap.

    `keep_access` names the hosts where the operator's key stays, because there is no other way in. Raises UsageError
    for data of hosts whose services may still run.
    """
    if data and limit.stages is not None:
        raise UsageError("--data takes back whole hosts", fix="leave the stages out of --limit")
    found = [_sparing(step, keep_access) for step in workflow.chapters(limit)]
    if data:
        found.insert([step.stage.name for step in found].index("zookeeper"), Step(DATA, _data))
    if limit.stages is None:
        found = [Step(NOTES, _notes), Step(RELEASES, _releases), *found, Step(TASKS, _tasks)]
    return found


def refuse(cluster: Cluster, limit: Limit) -> None:
    """Raise RefusedError where some ZooKeeper servers would go and the others be left without a quorum."""
    members = cluster.with_role(Role.ZOOKEEPER)
    staying = [host.name for host in members if host not in limit.hosts]
    if (limit.stages is None or "zookeeper" in limit.stages) and staying:
        needed = rolling.majority(len(members))
        if len(staying) < needed:
            raise RefusedError(
                f"{', '.join(staying)} would be left without a quorum: {needed} of {len(members)} servers are needed",
                fix="take back the whole cluster, or take the servers out of the inventory one at a time",
            )


def _sparing(step: Step, keep_access: frozenset[str]) -> Step:
    def resources(cluster: Cluster, host: Host, facts: Facts) -> Sequence[Resource]:
        found = step.resources(cluster, host, facts)
        return [item for item in found if not _way_in(item)] if host.name in keep_access else found

    return Step(step.stage, resources)


def _way_in(resource: Resource) -> bool:
    return isinstance(resource, Block) and resource.name == "operator"


def _data(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    zookeeper, mesos = cluster.zookeeper, cluster.mesos
    paths: list[str] = []
    if host.has(Role.ZOOKEEPER):
        paths += [zookeeper.data_dir, zookeeper.data_log_dir or zookeeper.data_dir, zookeeper.log_dir]
    if host.has(Role.MASTER):
        paths += [mesos.master.work_dir, mesos.log_dir]
    if host.has(Role.AGENT):
        paths += [mesos.agent.work_dir, mesos.log_dir]
    if host.has(Role.MARATHON):
        paths.append(mesos.log_dir)
    return [_emptied(path) for path in dict.fromkeys(paths)]


def _emptied(path: str) -> Command:
    """The content of a folder; the folder itself belongs to its chapter."""
    quoted = shlex.quote(path)
    return Command(
        name=f"everything in {path}",
        check=f'[ -n "$(ls -A {quoted} 2>/dev/null)" ]',
        apply="false",
        revert=f"find {quoted} -xdev -mindepth 1 -delete",
    )


def _tasks(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    if not host.has(Role.AGENT) or facts.init != "systemd":
        return []
    return [
        Command(
            name="tasks of mesos-agent",
            check=mesos_service.AGENT_RUNS,
            apply="false",
            revert=mesos_service.END_AGENT,
        )
    ]


def _releases(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    return [mesos_releases.all_releases()] if runs_mesos(host) else []


def _notes(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    """The folder goes when all is taken back. Users are never removed, so notes on them do not count."""
    return [
        Command(
            name=f"folder {STATE_DIR}",
            check=f"[ -d {STATE_DIR} ] && ! grep -qsv '^user ' {STATE_DIR}/manifest",
            apply="false",
            revert=f"rm -rf {STATE_DIR}",
        )
    ]
