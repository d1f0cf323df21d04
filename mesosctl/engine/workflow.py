"""What the commands do with a cluster: the stages of the guide taken in order, forwards or backwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mesosctl import tasks
from mesosctl.distribution import bundled, tarball
from mesosctl.engine.facts import Facts
from mesosctl.engine.limit import Limit
from mesosctl.engine.report import Listener, Report
from mesosctl.engine.run import Options, Run
from mesosctl.engine.stage import Stage
from mesosctl.errors import RefusedError
from mesosctl.inventory.model import Cluster, Host
from mesosctl.resources.program import Mode
from mesosctl.resources.types import Resource
from mesosctl.tasks import guards
from mesosctl.transport import Transport

ResourcesOf = Callable[[Cluster, Host, Facts], Sequence[Resource]]


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of a workflow: what its hosts shall hold, given their facts."""

    stage: tasks.Stage
    resources: ResourcesOf


def chapters(limit: Limit) -> list[Step]:
    """The stages of the guide, those that the limit leaves."""
    return [
        Step(stage, partial(tasks.resources_of, stage))
        for stage in tasks.STAGES
        if limit.stages is None or stage.name in limit.stages
    ]


def execute(
    cluster: Cluster,
    transport: Transport,
    steps: Sequence[Step],
    mode: Mode,
    *,
    action: str,
    hosts: Sequence[Host] | None = None,
    listener: Listener | None = None,
    options: Options | None = None,
    guarded: bool = True,
    accepted: Collection[str] = (),
) -> Report:
    """Gather facts, refuse what would lose data, and take the hosts through the steps (backwards with `mode.unset`).

    A step begins when the one before has ended on all hosts.

    `guarded` is off for what touches no data; `accepted` names refusals that the operator overrides. Returns the
    report, also after Ctrl-C (`report.interrupted`). Raises RefusedError before any host is changed.
    """
    if mode.write and not mode.unset:
        tarball.ensure(cluster)
    run = Run(cluster, transport, action=action, writes=mode.write, hosts=hosts, listener=listener, options=options)
    try:
        with run:
            run.gather()
            if guarded and not mode.unset:
                refuse(cluster, run.facts, accepted)
            if not mode.unset and any("mesos_package" in step.stage.tasks for step in steps):
                cluster = bundled.ensure(cluster, run.facts)
            ordered = list(reversed(steps)) if mode.unset else list(steps)
            for step in ordered:
                resources = {host.name: step.resources(cluster, host, run.facts[host.name]) for host in run.alive}
                stage = Stage(run=run, name=step.stage.name, resources=resources, mode=mode, last=step is ordered[-1])
                stage.take(voters=step.stage.voters, in_turn=step.stage.in_turn, canary=step.stage.canary)
    except KeyboardInterrupt:
        run.report.interrupted = True
    return run.report


def refuse(cluster: Cluster, facts: Mapping[str, Facts], accepted: Collection[str] = ()) -> None:
    """Raise RefusedError for whatever would lose data, naming the safe way; `accepted` names what the operator wants
    all the same, where that is possible at all."""
    reasons = [
        reason for reason in guards.refusals(cluster, facts) if not (reason.may_be_accepted and reason.id in accepted)
    ]
    if reasons:
        raise RefusedError("refused, nothing was changed:\n" + "\n".join(_told(reason) for reason in reasons))


def _told(reason: guards.Refusal) -> str:
    where = f"{reason.where}: " if reason.where else ""
    override = f"\n    to do it all the same: --accept {reason.id}" if reason.may_be_accepted else ""
    return f"  - {where}{reason.what}\n    {reason.fix}{override}"
