"""What is seen of a cluster from outside, and what must hold of it at every moment.

These books are kept from messages alone: offers, launches, statuses, acknowledgements, registrations.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.master.agent_records import AgentRecord
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.scheduler import Call, Event
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from mesosctl.runtime.resources.amounts import thousandths
from tests.unit.simulation.world import ViolationError

TERMINAL = {
    TaskState[f"TASK_{name}"]
    for name in ("FINISHED", "FAILED", "KILLED", "ERROR", "LOST", "DROPPED", "GONE", "GONE_BY_OPERATOR")
}

_ACTIVE = {TaskState[f"TASK_{name}"] for name in ("STAGING", "STARTING", "RUNNING", "KILLING")}

Amounts = Counter[str]
"""Thousandths of scalars by name; ports and persistent volumes each by a name of its own."""


@lru_cache(maxsize=4096)
def amounts(resources: tuple[Resource, ...]) -> Amounts:
    found: Amounts = Counter()
    for resource in resources:
        if resource.scalar is not None:
            found[resource.name] += thousandths(resource.scalar.value)
        if resource.ranges is not None:
            for each in resource.ranges.range:
                for number in range(each.begin, each.end + 1):
                    found[f"{resource.name} {number}"] += 1
        if resource.disk is not None and resource.disk.persistence is not None:
            found[f"volume {resource.disk.persistence.id}"] += 1
    return found


def total(parts: Iterable[Amounts]) -> Amounts:
    found: Amounts = Counter()
    for part in parts:
        for name, amount in part.items():
            found[name] += amount
    return found


def excess(used: Amounts, there: Amounts) -> str | None:
    """What is used and not there. Volumes are made of disk space, one of each id."""
    for name, amount in used.items():
        if amount > (1 if name.startswith("volume ") else there[name]):
            return f"{amount} of {name}, of {there[name]}"
    return None


class _Offer(NamedTuple):
    stream: str
    framework_id: str
    agent_id: str
    held: Amounts


@dataclass
class _Agent:
    """As one master sees it."""

    there: Amounts
    tasks: dict[tuple[str, str], Amounts] = field(default_factory=dict)
    executors: dict[tuple[str, str], Amounts] = field(default_factory=dict)


class _MasterBook:
    def __init__(self) -> None:
        self.offers: dict[str, _Offer] = {}
        self.agents: dict[str, _Agent] = {}
        self.registrations: dict[str, internal.Register] = {}
        """By stream, those that are not answered."""
        self.streams: dict[str, str] = {}
        """Agents by stream."""
        self.acknowledged: dict[bytes, str] = {}
        """Agents by the updates that they were told are acknowledged."""


class Books:
    def __init__(self, registry: dict[str, bytes]) -> None:
        self._registry = registry
        self._masters: dict[str, _MasterBook] = defaultdict(_MasterBook)
        self.gone: set[str] = set()
        """Agents of which an operator was told that they are gone."""
        self._delivered: set[str] = set()
        self.running: set[str] = set()
        """Tasks whose commands run."""
        self._commands: set[str] = set()
        self._ended: dict[tuple[str, str], TaskStatus] = {}
        """By scheduler and task: the terminal status that it acknowledged."""
        self._over: set[str] = set()
        """Tasks of which any scheduler did so."""
        self.counts: Counter[str] = Counter()

    # Masters and agents.

    def master_died(self, master: str) -> None:
        self._masters.pop(master, None)

    def registering(self, master: str, stream: str, message: internal.Register) -> None:
        self._masters[master].registrations[stream] = message

    def to_agent(self, master: str, stream: str, message: internal.ToAgent) -> None:
        book = self._masters[master]
        match message:
            case internal.Registered():
                self._registered(book, stream, message.agent_id.value)
            case internal.RunTasks():
                self._run(book, book.streams[stream], message)
            case internal.ShutdownFramework():
                self._forget_framework(book, book.streams[stream], message.framework_id.value)
            case internal.Acknowledge():
                book.acknowledged[message.uuid] = book.streams[stream]

    def _registered(self, book: _MasterBook, stream: str, agent_id: str) -> None:
        message = book.registrations.pop(stream)
        book.streams[stream] = agent_id
        record = self._registry.get(f"agents/{agent_id}")
        if record is None or msgspec.json.decode(record, type=AgentRecord).unreachable is not None:
            raise ViolationError(f"{agent_id} is admitted and the registry does not say so")
        if agent_id in self.gone:
            raise ViolationError(f"{agent_id} is gone and comes back")
        for offer_id, offer in book.offers.items():
            if offer.agent_id == agent_id:
                raise ViolationError(f"{offer_id} outlives the connection of {agent_id}")
        agent = book.agents[agent_id] = _Agent(amounts(message.agent.resources))
        for task in message.tasks:
            if task.status.state not in TERMINAL:
                agent.tasks[task.framework_id.value, task.task.task_id.value] = amounts(task.task.resources)
        for executor in message.executors:
            key = executor.framework_id.value, executor.executor.executor_id.value
            agent.executors[key] = amounts(executor.executor.resources)
        self.counts["registrations"] += 1

    def _run(self, book: _MasterBook, agent_id: str, message: internal.RunTasks) -> None:
        agent = book.agents[agent_id]
        assert message.framework.id
        framework_id = message.framework.id.value
        for task in message.tasks:
            agent.tasks[framework_id, task.task_id.value] = amounts(task.resources)
            executor = message.executor or task.executor
            if executor is not None:
                agent.executors.setdefault((framework_id, executor.executor_id.value), amounts(executor.resources))
            self.counts["launches"] += 1
        self._check(book, agent_id)

    def _forget_framework(self, book: _MasterBook, agent_id: str, framework_id: str) -> None:
        agent = book.agents[agent_id]
        for held in (agent.tasks, agent.executors):
            for key in [key for key in held if key[0] == framework_id]:
                del held[key]

    def from_agent(self, master: str, stream: str, message: internal.FromAgent) -> None:
        book = self._masters[master]
        agent = book.agents[book.streams[stream]]
        match message:
            case internal.StatusUpdate():
                latest = message.latest or message.status
                if latest.state in TERMINAL:
                    agent.tasks.pop((message.framework_id.value, latest.task_id.value), None)
            case internal.ExecutorExited():
                agent.executors.pop((message.framework_id.value, message.executor_id.value), None)

    def agent_removed(self, master: str, agent_id: str) -> None:
        book = self._masters[master]
        book.agents.pop(agent_id, None)
        for uuid in [uuid for uuid, of in book.acknowledged.items() if of == agent_id]:
            del book.acknowledged[uuid]
        if any(offer.agent_id == agent_id for offer in book.offers.values()):
            raise ViolationError(f"Offers of {agent_id} outlive it")

    def _check(self, book: _MasterBook, agent_id: str) -> None:
        agent = book.agents[agent_id]
        offered = [offer.held for offer in book.offers.values() if offer.agent_id == agent_id]
        if found := excess(total([*offered, *agent.tasks.values(), *agent.executors.values()]), agent.there):
            raise ViolationError(
                f"More of {agent_id} is offered and used than there is: {found}; {book.offers} {agent}"
            )

    # Masters and schedulers.

    def to_scheduler(self, master: str, stream: str, event: Event) -> None:
        book = self._masters[master]
        if event.offers:
            for offer in event.offers.offers:
                if offer.id.value in book.offers:
                    raise ViolationError(f"{offer.id.value} is made twice")
                held = amounts(offer.resources)
                book.offers[offer.id.value] = _Offer(stream, offer.framework_id.value, offer.agent_id.value, held)
                self.counts["offers"] += 1
            for agent_id in dict.fromkeys(offer.agent_id.value for offer in event.offers.offers):
                self._check(book, agent_id)
        elif event.rescind:
            book.offers.pop(event.rescind.offer_id.value, None)
        elif event.subscribed:
            self._void(book, lambda offer: offer.framework_id == event.subscribed.framework_id.value)
        elif event.update and event.update.status.uuid in book.acknowledged:
            raise ViolationError(f"{event.update.status.task_id.value}: an acknowledged update comes again")

    def called(self, master: str, framework_id: str, call: Call) -> None:
        book = self._masters[master]
        used = call.accept or call.decline
        for offer_id in used.offer_ids if used else ():
            offer = book.offers.get(offer_id.value)
            if offer is not None and offer.framework_id == framework_id:
                del book.offers[offer_id.value]
        if call.type is Call.Type.TEARDOWN:
            self.framework_ends(master, framework_id)

    def framework_ends(self, master: str, framework_id: str) -> None:
        self._void(self._masters[master], lambda offer: offer.framework_id == framework_id)

    def disconnected(self, master: str, stream: str) -> None:
        book = self._masters[master]
        self._void(book, lambda offer: offer.stream == stream)

    def _void(self, book: _MasterBook, is_void) -> None:
        for offer_id in [offer_id for offer_id, offer in book.offers.items() if is_void(offer)]:
            del book.offers[offer_id]

    def outstanding(self, master: str, agent_id: str) -> Amounts:
        return total(offer.held for offer in self._masters[master].offers.values() if offer.agent_id == agent_id)

    # Schedulers.

    def hears(self, scheduler: str, status: TaskStatus) -> None:
        """A scheduler reads a status."""
        ended = self._ended.get((scheduler, status.task_id.value))
        if ended is not None and status.state in _ACTIVE:
            raise ViolationError(f"{status.task_id.value} is {status.state} after it was {ended.state}")
        self.counts["updates"] += 1

    def acknowledges(self, scheduler: str, status: TaskStatus) -> None:
        if status.state in TERMINAL:
            if status.task_id.value in self.running:
                raise ViolationError(f"{status.task_id.value} runs and is {status.state}")
            self._ended[scheduler, status.task_id.value] = status
            self._over.add(status.task_id.value)
            self.counts["ends"] += 1

    # Executors.

    def delivered(self, task_id: str) -> None:
        if task_id in self._delivered:
            raise ViolationError(f"{task_id} is handed out twice")
        self._delivered.add(task_id)

    def command_starts(self, task_id: str) -> None:
        if task_id in self._commands:
            raise ViolationError(f"The command of {task_id} starts twice")
        if task_id in self._over:
            raise ViolationError(f"The command of {task_id} starts after its end")
        self._commands.add(task_id)
        self.running.add(task_id)

    def command_ends(self, task_id: str) -> None:
        self.running.discard(task_id)
