"""What the tests of Marathon's decisions stand on: a Marathon, a clock, and an outside that notes what is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.marathon.core.marathon import Marathon
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.outside import Change, Probe, ProbeResult
from mesosctl.runtime.marathon.core.records import Condition, Deployment, Instance, Snapshot
from mesosctl.runtime.marathon.model import Group, parse_app, put, remove, update_app
from mesosctl.runtime.protocol.basics import UUID, AgentID, DomainInfo, FrameworkID, OfferID, TaskID
from mesosctl.runtime.protocol.containers import KillPolicy
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Attribute, Value
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Form, Resources

START = 1_700_000_000.0
_FaultDomain = DomainInfo.FaultDomain


class FakeOutside:
    def __init__(self) -> None:
        self.accepted: list[Offer.Operation] = []
        self.declined: list[Offer] = []
        self.kills: list[tuple[str, str | None, KillPolicy | None]] = []
        self.revives = 0
        self.suppressed = 0
        self.reconciled: list[list[tuple[str, str | None]] | None] = []
        self.acknowledged: list[TaskStatus] = []
        self.changes: list[Change] = []
        self.waiting: list[Callable[[], None]] | None = None
        """Set to a list to hold back what follows on storing."""
        self.events: list[dict[str, Any]] = []
        self.probes: list[Probe] = []

    def accept(self, offers: Sequence[Offer], operations: Sequence[Offer.Operation], refuse_seconds: float) -> None:
        self.accepted += operations

    def decline(self, offers: Sequence[Offer], refuse_seconds: float) -> None:
        self.declined += offers

    def kill(self, task_id: str, agent_id: str | None, policy: KillPolicy | None) -> None:
        self.kills.append((task_id, agent_id, policy))

    def revive(self) -> None:
        self.revives += 1

    def suppress(self) -> None:
        self.suppressed += 1

    def reconcile(self, tasks: Iterable[tuple[str, str | None]] | None) -> None:
        self.reconciled.append(None if tasks is None else list(tasks))

    def acknowledge(self, status: TaskStatus) -> None:
        self.acknowledged.append(status)

    def persist(self, changes: Sequence[Change], then: Callable[[], None]) -> None:
        self.changes += changes
        if self.waiting is None:
            then()
        else:
            self.waiting.append(then)

    def publish(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def probe(self, probe: Probe) -> None:
        self.probes.append(probe)

    def tasks(self) -> list[TaskInfo]:
        """All that were launched."""
        return [task for operation in self.accepted if operation.launch for task in operation.launch.task_infos]

    def kinds(self) -> list[str]:
        """The types of the events, but for what is told of every instance."""
        return [event["eventType"] for event in self.events if event["eventType"] != "instance_changed_event"]


class World:
    """A Marathon that is connected, with agents that accept everything when `settle` is called."""

    def __init__(
        self,
        options: Options | None = None,
        *,
        snapshot: Snapshot | None = None,
        seed: int = 1,
        start: float = START,
        outside: FakeOutside | None = None,
    ) -> None:
        self.clock = SimulatedClock(start)
        self.outside = outside or FakeOutside()
        self.marathon = Marathon(options or Options(), self.clock, self.outside, Random(seed))
        self.marathon.start(snapshot or Snapshot(Group(version="2020-01-01T00:00:00.000Z")))
        self.marathon.connected()
        self._offers = 0

    # The API.

    def put(self, *raws: dict[str, Any], force: bool = False) -> Deployment:
        """Create these apps, or change them partially."""

        def change(root: Group) -> Group:
            for raw in raws:
                old = self.marathon.apps.get("/" + raw["id"].strip("/"))
                app = update_app(old, raw, partial=True) if old else parse_app(raw)
                root = put(root, app)
            return root

        return self.marathon.update_root(change, force=force)

    def delete(self, app_id: str, *, force: bool = False) -> Deployment:
        return self.marathon.update_root(lambda root: remove(root, app_id), force=force)

    def conditions(self, app_id: str) -> list[Condition]:
        return [instance.condition for instance in self.marathon.instances(app_id)]

    def running(self, app_id: str) -> list[Instance]:
        return [i for i in self.marathon.instances(app_id) if i.condition is Condition.RUNNING]

    # The master.

    def offer(self, host: str = "a1", **more: Any) -> list[TaskInfo]:
        """One offer. Gives the tasks launched on it."""
        before = len(self.outside.tasks())
        self._offers += 1
        self.marathon.offers([offer(host, f"o{self._offers}", **more)])
        self.clock.advance(0)
        return self.outside.tasks()[before:]

    def status(self, task_id: str, state: TaskState = TaskState.TASK_RUNNING, **more: Any) -> TaskStatus:
        instance = self.marathon.instance_of(task_id)
        agent = instance.agent.id if instance and instance.agent else "unknown"
        status = TaskStatus(
            task_id=TaskID(task_id), state=state, agent_id=AgentID(agent), uuid=UUID(b"u").value, **more
        )
        self.marathon.status(status)
        self.clock.advance(0)
        return status

    def settle(self, hosts: Sequence[str] = ("a1", "a2", "a3"), rounds: int = 20, *, run: bool = True) -> None:
        """Offers and statuses until nothing happens: what is launched runs, what is killed ends."""
        for _ in range(rounds):
            killed, self.outside.kills = self.outside.kills, []
            for task_id, _, _ in killed:
                self.status(task_id, TaskState.TASK_KILLED)
            launched = [task for host in hosts for task in self.offer(host)]
            for task in launched if run else ():
                self.status(task.task_id.value)
            if not killed and not launched:
                return
            self.clock.advance(6)

    def answer(self, status: int | None = 200, *, connected: bool = True, app: str = "") -> int:
        """All probes that wait, or those of an app. Gives how many."""
        mine = [probe for probe in self.outside.probes if probe.task_id.startswith(app)]
        self.outside.probes = [probe for probe in self.outside.probes if probe not in mine]
        for probe in mine:
            self.marathon.probed(probe, ProbeResult(connected, status))
        self.clock.advance(0)
        return len(mine)


def offer(
    host: str = "a1",
    id: str = "o1",
    resources: str = "cpus:8;mem:8192;disk:10000;ports:[31000-31099]",
    attributes: dict[str, str] | None = None,
    domain: tuple[str, str] | None = None,
    **more: Any,
) -> Offer:
    """As of a master that refines no reservations. `domain` is region and zone."""
    return Offer(
        id=OfferID(id),
        framework_id=FrameworkID("marathon"),
        agent_id=AgentID(f"agent-{host}"),
        hostname=host,
        resources=Resources.parse(resources).messages(Form.SIMPLE),
        attributes=tuple(
            Attribute(name=name, type=Value.Type.TEXT, text=Value.Text(value))
            for name, value in (attributes or {}).items()
        ),
        domain=DomainInfo(_FaultDomain(_FaultDomain.RegionInfo(domain[0]), _FaultDomain.ZoneInfo(domain[1])))
        if domain
        else None,
        **more,
    )
