"""Frameworks: schedulers that do whatever they may, and remember what they were told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mesosctl.runtime.protocol.basics import AgentID, ExecutorID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.offers import Filters, Offer
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.protocol.scheduler import Call, Event
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskGroupInfo, TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Resources
from tests.unit.simulation.books import TERMINAL, Books
from tests.unit.simulation.coordination import ZooKeeper
from tests.unit.simulation.world import Process, Stream, World, post

if TYPE_CHECKING:
    from tests.unit.simulation.masters import MasterProcess

_Capability = FrameworkInfo.Capability
_Operation = Offer.Operation
_SILENCE_SECONDS = 50.0
_UNSURE = {TaskStatus.Reason.REASON_INVALID_OFFERS, TaskStatus.Reason.REASON_TASK_INVALID}
"""Said of a launch, not of the task: another launch of the same task may have come before."""


class Framework:
    """What outlives a scheduler."""

    def __init__(self, world: World, zookeeper: ZooKeeper, books: Books, name: str) -> None:
        self.world, self.zookeeper, self.books, self.name = world, zookeeper, books, name
        random = world.random
        self.roles = random.choice([("*",), ("r",), ("*", "r")])
        types = [_Capability.Type.MULTI_ROLE, _Capability.Type.RESERVATION_REFINEMENT]
        types += [
            each
            for each in (_Capability.Type.PARTITION_AWARE, _Capability.Type.TASK_KILLING_STATE)
            if world.chance(0.7)
        ]
        self.info = FrameworkInfo(
            user="root",
            name=name,
            roles=self.roles,
            checkpoint=world.chance(0.8),
            failover_timeout=random.choice([0.0, 30.0, 1e6, 1e6, 1e6]),
            capabilities=tuple(_Capability(each) for each in types),
        )
        self.id: FrameworkID | None = None
        self.over = False
        self.mind: dict[str, tuple[TaskState, str]] = {}
        """The newest state that was heard of each task, and its agent."""
        self.schedulers: list[Scheduler] = []
        self.calm = False
        """Launch nothing more, and do what is to be done."""
        self._tasks = 0
        self._runs = 0

    def start_scheduler(self) -> None:
        if not self.over:
            self._runs += 1
            self.schedulers.append(Scheduler(self, f"{self.name}.{self._runs}"))

    @property
    def scheduler(self) -> Scheduler | None:
        self.schedulers = [each for each in self.schedulers if each.alive]
        return self.schedulers[-1] if self.schedulers else None

    def new_task_id(self) -> str:
        self._tasks += 1
        return f"{self.name}-t{self._tasks}"


class Scheduler(Process):
    def __init__(self, framework: Framework, name: str) -> None:
        super().__init__(framework.world, name)
        self.name = name
        self._framework = framework
        self._zookeeper = framework.zookeeper
        self._books = framework.books
        self._random = framework.world.random
        self._stream: Stream | None = None
        self._attempt = 0
        self._master: MasterProcess | None = None
        self._heard = self.now()
        self.subscribed = False
        self.held: dict[str, Offer] = {}
        self.after(self.world.between(0, 1), self._subscribe)
        self.after(_SILENCE_SECONDS / 3, self._watch)

    def kill(self) -> None:
        if self.alive:
            super().kill()
            self._hang_up()

    # The connection.

    def _watch(self) -> None:
        self.after(_SILENCE_SECONDS / 3, self._watch)
        if self.now() - self._heard > _SILENCE_SECONDS:
            self.disconnect()

    def disconnect(self) -> None:
        self._hang_up()
        attempt = self._attempt
        seconds = self.world.between(0, 3)
        self.after(seconds, lambda: self._subscribe() if attempt == self._attempt else None)

    def _hang_up(self) -> None:
        self._attempt += 1
        self.subscribed = False
        self.held.clear()
        if self._stream:
            self._stream.close_client()
            self._stream = None

    def _subscribe(self) -> None:
        self._heard = self.now()
        master, attempt, framework = self._zookeeper.leader, self._attempt, self._framework
        if master is None:
            self.disconnect()
            return
        self._master = master
        info = framework.info if framework.id is None else replace(framework.info, id=framework.id)
        call = Call(type=Call.Type.SUBSCRIBE, framework_id=framework.id, subscribe=Call.Subscribe(framework_info=info))

        def handle() -> int:
            if attempt != self._attempt:
                return 200
            self._stream = master.serve_subscribe(self, call)
            return 200 if self._stream else 503

        def answered(status: int | None) -> None:
            if status != 200 and attempt == self._attempt:
                self.disconnect()

        post(self, master, handle, answered)

    def ended(self, stream_id: str) -> None:
        if self._stream is not None and self._stream.id == stream_id:
            self.disconnect()

    def call(self, **fields: object) -> None:
        """Send a call; now and then it comes twice, or is lost on its way."""
        if not self.subscribed:
            return
        call = Call(framework_id=self._framework.id, **fields)
        master, stream_id = self._master, self._stream.id
        self.world.log(self.name, "->", master, call)
        calm = self._framework.calm
        if calm or not self.world.chance(0.05):
            again = 0 if calm else 0.05
            post(self, master, lambda: master.serve_call(stream_id, call), lambda status: None, again=again)

    # What it hears.

    def event(self, event: Event) -> None:
        self._heard = self.now()
        match event.type:
            case Event.Type.SUBSCRIBED:
                self._framework.id = event.subscribed.framework_id
                self.subscribed = True
                self.world.log(self.name, "subscribed with", self._master)
            case Event.Type.OFFERS:
                for offer in event.offers.offers:
                    self.held[offer.id.value] = offer
                    self.after(self.world.latency(), lambda offer=offer: self._consider(offer))
            case Event.Type.RESCIND:
                self.held.pop(event.rescind.offer_id.value, None)
            case Event.Type.UPDATE:
                self._update(event.update.status)
            case Event.Type.ERROR:
                self.world.log(self.name, "hears", event.error.message)
                if event.error.message != "Framework failed over":
                    self._framework.over = True
                self.kill()

    def _update(self, status: TaskStatus) -> None:
        framework = self._framework
        uuid = status.uuid.hex()[:6] if status.uuid else ""
        self.world.log(self.name, "hears", status.task_id.value, status.state, status.reason, uuid)
        self._books.hears(self.name, status)
        if status.reason not in _UNSURE or status.uuid is not None or framework.mind.get(status.task_id.value) is None:
            _, agent_id = framework.mind.get(status.task_id.value, (None, ""))
            agent_id = status.agent_id.value if status.agent_id else agent_id
            framework.mind[status.task_id.value] = status.state, agent_id
        if status.uuid is not None and (framework.calm or self.world.chance(0.85)):
            self.after(0 if self.world.chance(0.7) else self.world.between(0, 20), lambda: self._acknowledge(status))

    def _acknowledge(self, status: TaskStatus) -> None:
        if self.subscribed:
            self._books.acknowledges(self.name, status)
            acknowledge = Call.Acknowledge(agent_id=status.agent_id, task_id=status.task_id, uuid=status.uuid)
            self.call(type=Call.Type.ACKNOWLEDGE, acknowledge=acknowledge)

    # What it does.

    def _consider(self, offer: Offer) -> None:
        if offer.id.value not in self.held or not self.subscribed:
            return
        choice = self._random.random()
        if self._framework.calm:
            return
        if choice < 0.6:
            self._accept(offer)
        elif choice < 0.85:
            self._decline(offer)

    def _decline(self, offer: Offer) -> None:
        del self.held[offer.id.value]
        filters = Filters(refuse_seconds=self._random.choice([0.0, 5.0, 30.0]))
        self.call(type=Call.Type.DECLINE, decline=Call.Decline(offer_ids=(offer.id,), filters=filters))

    def _accept(self, offer: Offer) -> None:
        """Launch tasks, alone or for one executor or as a group, reserve or unreserve."""
        del self.held[offer.id.value]
        left = Resources.of(offer.resources)
        operations: list[Offer.Operation] = []
        how = self._random.random()
        role = offer.allocation_info.role
        if how < 0.12 and role != "*":
            operations += _reservation(left, role)
        elif how < 0.5:
            executor = self._executor(left)
            if executor is not None:
                left -= Resources.of(executor.resources)
                tasks = self._tasks(offer, left, None if how < 0.25 else executor)
                if tasks and how < 0.25:
                    group = _Operation.LaunchGroup(executor=executor, task_group=TaskGroupInfo(tuple(tasks)))
                    operations.append(_Operation(type=_Operation.Type.LAUNCH_GROUP, launch_group=group))
                elif tasks:
                    launch = _Operation.Launch(tuple(tasks))
                    operations.append(_Operation(type=_Operation.Type.LAUNCH, launch=launch))
        elif tasks := self._tasks(offer, left, None):
            operations.append(_Operation(type=_Operation.Type.LAUNCH, launch=_Operation.Launch(tuple(tasks))))
        filters = Filters(refuse_seconds=self._random.choice([0.0, 0.0, 5.0]))
        accept = Call.Accept(offer_ids=(offer.id,), operations=tuple(operations), filters=filters)
        self.call(type=Call.Type.ACCEPT, accept=accept)

    def _executor(self, left: Resources) -> ExecutorInfo | None:
        """One of two of the framework, which may run there already."""
        taken = _part(left, 100, 32)
        if taken is None:
            return None
        name = ExecutorID(f"{self._framework.name}-e{self._random.randrange(2)}-{self._random.randrange(3)}")
        return ExecutorInfo(
            executor_id=name,
            type=ExecutorInfo.Type.CUSTOM,
            command=CommandInfo(value="./executor"),
            framework_id=self._framework.id,
            resources=taken.messages(),
        )

    def _tasks(self, offer: Offer, left: Resources, executor: ExecutorInfo | None) -> list[TaskInfo]:
        tasks = []
        for _ in range(self._random.randint(1, 3)):
            taken = _part(left, self._random.choice([100, 500, 1000]), 32, ports=self._random.randrange(3))
            if taken is None:
                break
            left -= taken
            lasts = self._random.choice([0.1, 3.0, 20.0, 1e9, 1e9])
            command = f"{lasts} {self._random.choice([0, 0, 256])} {int(self.world.chance(0.2))}"
            task_id = self._framework.new_task_id()
            task = TaskInfo(
                name=task_id,
                task_id=TaskID(task_id),
                agent_id=offer.agent_id,
                resources=taken.messages(),
                command=CommandInfo(value=command),
            )
            if executor is not None:
                task = replace(task, command=None, executor=executor, data=command.encode())
            tasks.append(task)
            self._framework.mind[task_id] = TaskState.TASK_STAGING, offer.agent_id.value
        return tasks

    def kill_some_task(self) -> None:
        living = [name for name, (state, _) in self._framework.mind.items() if state not in TERMINAL]
        if living:
            name = self._random.choice(living)
            agent_id = AgentID(self._framework.mind[name][1]) if self.world.chance(0.7) else None
            self.call(type=Call.Type.KILL, kill=Call.Kill(task_id=TaskID(name), agent_id=agent_id))

    def reconcile(self, *, explicitly: bool) -> None:
        asked = ()
        if explicitly:
            living = {name: agent for name, (state, agent) in self._framework.mind.items() if state not in TERMINAL}
            asked = tuple(Call.Reconcile.Task(TaskID(name), AgentID(agent)) for name, agent in living.items() if agent)
            if not asked:
                return
        self.call(type=Call.Type.RECONCILE, reconcile=Call.Reconcile(asked))

    def suppress(self) -> None:
        self.call(type=Call.Type.SUPPRESS, suppress=Call.Suppress())

    def revive(self) -> None:
        self.call(type=Call.Type.REVIVE, revive=Call.Revive())

    def teardown(self) -> None:
        self.call(type=Call.Type.TEARDOWN)

    def message(self) -> None:
        living = [agent for state, agent in self._framework.mind.values() if state not in TERMINAL and agent]
        if living:
            agent_id, executor_id = AgentID(self._random.choice(living)), ExecutorID(f"{self._framework.name}-e0-0")
            self.call(type=Call.Type.MESSAGE, message=Call.Message(agent_id, executor_id, b"hello"))


def _part(left: Resources, cpus: int, mem: int, ports: int = 0) -> Resources | None:
    """So much of what is there, of one reservation each; None where there is less. CPUs in thousandths."""
    taken = Resources()
    for name, wanted in (("cpus", cpus), ("mem", mem * 1000)):
        found = next(
            (item for item in left.items() if item[0].name == name and item[0].quantity(item[1]) >= wanted), None
        )
        if found is None:
            return None
        taken += _amount(left, found[0], wanted)
    for kind, amount in left.items():
        if kind.name == "ports" and ports:
            begin = amount.bounds[0][0]
            end = min(begin + ports - 1, amount.bounds[0][1])
            taken += Resources.of(
                message
                for one in left.filter(lambda each, kind=kind: each == kind).messages()
                for message in [replace(one, ranges=Value.Ranges((Value.Range(begin, end),)))]
            )
            break
    return taken


def _amount(left: Resources, kind: object, wanted: int) -> Resources:
    (message,) = left.filter(lambda each: each == kind).messages()
    return Resources.of([replace(message, scalar=Value.Scalar(wanted / 1000))])


def _reservation(left: Resources, role: str) -> list[Offer.Operation]:
    """Reserve some of what is not reserved, or give back what is."""
    dynamic = left.filter(lambda kind: kind.dynamic and not kind.volume)
    if dynamic:
        return [_Operation(type=_Operation.Type.UNRESERVE, unreserve=_Operation.Unreserve(dynamic.messages()))]
    free = left.unreserved().filter(lambda kind: kind.name in ("cpus", "mem"))
    if not free:
        return []
    reservation = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role=role)
    half = free.map(lambda kind, amount: amount // 2)
    made = half.push_reservation(reservation)
    return [_Operation(type=_Operation.Type.RESERVE, reserve=_Operation.Reserve(resources=made.messages()))]
