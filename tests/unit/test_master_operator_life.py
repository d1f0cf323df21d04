"""Operators, schedulers and agents do whatever they may, in any order: accounts stay right, and nothing breaks."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.master.records import NOTHING
from mesosctl.runtime.protocol.basics import DurationInfo, FrameworkID, MachineID
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.maintenance import Schedule
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.quota import QuotaConfig
from mesosctl.runtime.protocol.resources import WeightInfo
from mesosctl.runtime.protocol.tasks import TaskState
from tests.unit.master_cluster import MASTER, Cluster, task

AGENTS = {f"{MASTER}-S{number}": 5051 + number for number in range(3)}
FRAMEWORKS = {"f0": ["a"], "f1": ["a", "b"]}
STEPS = 150
SEEDS = 30


class Life:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.cluster = Cluster()
        self.master, self.state = self.cluster.master, self.cluster.master.state
        self._numbers = 0
        for agent_id, port in AGENTS.items():
            self.cluster.register(self._name("a"), None, port=port)
            assert agent_id in self.state.agents
        for framework_id, roles in FRAMEWORKS.items():
            self.cluster.subscribe(self._name("s"), framework_id, roles=roles)

    def step(self) -> str:
        what = self.random.choice([each for each in dir(self) if each.startswith("do_")])
        try:
            getattr(self, what)()
        except Refusal as refusal:
            what += f" ({refusal.status})"
        self.check()
        return what

    def check(self) -> None:
        """What is offered or used of an agent is there, once, and all else is free, as the allocator sees it, too."""
        for agent in self.state.agents.values():
            used = sum(agent.used.values(), NOTHING).unallocated()
            offered = sum((offer.resources for offer in agent.offers.values()), NOTHING).unallocated()
            assert agent.total.contains(used + offered), (agent.id, agent.total, used, offered)
            free = agent.total - used - offered
            assert self.state.allocator.available(agent.id) == free, (agent.id, used, offered)
            if agent.restriction is not None:
                assert not agent.offers

    # Time and agents.

    def do_wait(self) -> None:
        for _ in range(self.random.choice((1, 3, 20))):
            self.cluster.clock.advance(1)
            for agent in [*self.state.agents.values()]:
                if agent.stream is not None and self.random.random() < 0.9:
                    self.cluster.send(agent.stream, internal.Pong())

    def do_agent_breaks(self) -> None:
        if agent := self._agent():
            self.master.agent_disconnected(agent.stream or "")

    def do_agent_comes(self) -> None:
        """With all tasks that the master thinks it has, or some of them."""
        agent_id = self.random.choice([*AGENTS])
        known = self.state.agents.get(agent_id)
        tasks = [
            internal.RunningTask(FrameworkID(each.framework_id), None, each.info, each.told)
            for each in (known.tasks.values() if known else ())
            if each.told and self.random.random() < 0.8
        ]
        self.cluster.register(self._name("a"), agent_id, tuple(tasks), port=AGENTS[agent_id])

    # Schedulers and tasks.

    def do_launch(self) -> None:
        self.cluster.clock.advance(0)
        offers = [offer for offer in self.state.offers.values() if offer.resources.scalar("cpus") >= 0.5]
        if not offers:
            return
        offer = self.random.choice(offers)
        info = task(self._name("t"), 0.5, offer.agent_id)
        launch = {"type": "LAUNCH", "launch": {"task_infos": [info]}}
        self._call(offer.framework_id, "ACCEPT", offer_ids=[{"value": offer.id}], operations=[launch])

    def do_decline(self) -> None:
        if self.state.offers:
            offer = self.random.choice([*self.state.offers.values()])
            self._call(offer.framework_id, "DECLINE", offer_ids=[{"value": offer.id}])

    def do_update(self) -> None:
        agent = self._agent()
        tasks = [each for each in agent.tasks.values() if not each.ended] if agent else []
        if agent is None or agent.stream is None or not tasks:
            return
        chosen = self.random.choice(tasks)
        state = self.random.choice((TaskState.TASK_RUNNING, TaskState.TASK_FINISHED, TaskState.TASK_KILLED))
        uuid = self.cluster.update(
            chosen.id, state.value, stream=agent.stream, framework_id=chosen.framework_id, agent_id=agent.id
        )
        if self.random.random() < 0.8:
            fields = {"agent_id": {"value": agent.id}, "task_id": {"value": chosen.id}, "uuid": uuid}
            self._call(chosen.framework_id, "ACKNOWLEDGE", **fields)

    def do_scheduler_comes(self) -> None:
        framework_id = self.random.choice([*FRAMEWORKS])
        self.cluster.subscribe(self._name("s"), framework_id, roles=FRAMEWORKS[framework_id])

    def do_revive(self) -> None:
        self._call(self.random.choice([*FRAMEWORKS]), "REVIVE")

    # Operators.

    def do_quota(self) -> None:
        kinds = ({}, {"limits": {"cpus": {"value": 1}}}, {"guarantees": {"cpus": {"value": 1}}})
        config = msgspec.convert({"role": self._role(), **self.random.choice(kinds)}, QuotaConfig)
        self.master.commit(self.master.quotas.update((config,), force=self.random.random() < 0.5))

    def do_weight(self) -> None:
        info = WeightInfo(role=self._role(), weight=self.random.choice((0.5, 1.0, 3.0)))
        self.master.commit(self.master.weights.update([info]))

    def do_reserve(self) -> None:
        self._operate("RESERVE", {"resources": [self._reserved()]})

    def do_unreserve(self) -> None:
        self._operate("UNRESERVE", {"resources": [self._reserved()]})

    def do_make_volume(self) -> None:
        self._operate("CREATE", {"volumes": [self._volume()]})

    def do_destroy_volume(self) -> None:
        self._operate("DESTROY", {"volumes": [self._volume()]})

    def do_deactivate(self) -> None:
        if self.random.random() < 0.7:
            return
        self.master.commit(self.master.draining.deactivate(self.random.choice([*AGENTS])))

    def do_drain(self) -> None:
        if self.random.random() < 0.7:
            return
        agent_id = self.random.choice([*AGENTS])
        self.master.commit(self.master.draining.drain(agent_id, DurationInfo(10**9), mark_gone=False))

    def do_reactivate(self) -> None:
        for agent_id in AGENTS:
            if (agent := self.state.agents.get(agent_id)) and agent.restriction:
                self.master.commit(self.master.draining.reactivate(agent_id))

    def do_schedule(self) -> None:
        machines = [{"hostname": "localhost", "ip": "127.0.0.1"}] if self.random.random() < 0.5 else []
        windows = [{"machine_ids": machines, "unavailability": {"start": {"nanoseconds": self.random.randrange(3)}}}]
        schedule = msgspec.convert({"windows": windows if machines else []}, Schedule)
        self.master.commit(self.master.maintenance.update(schedule))

    def do_maintain(self) -> None:
        if self.random.random() < 0.1:
            machine = MachineID("localhost", "127.0.0.1")
            self.master.commit(self.master.maintenance.start((machine,)))
            self.check()
            self.master.commit(self.master.maintenance.stop((machine,)))

    def _operate(self, kind: str, fields: dict[str, Any]) -> None:
        operation = msgspec.convert({"type": kind, kind.lower(): fields}, Offer.Operation)
        self.master.reservations.perform(self.random.choice([*AGENTS]), operation)

    def _reserved(self) -> dict[str, Any]:
        reservations = [{"type": "DYNAMIC", "role": self._role()}]
        return {"name": "disk", "type": "SCALAR", "scalar": {"value": 10}, "reservations": reservations}

    def _volume(self) -> dict[str, Any]:
        disk = {"persistence": {"id": "v"}, "volume": {"container_path": "d", "mode": "RW"}}
        return self._reserved() | {"disk": disk}

    def _call(self, framework_id: str, kind: str, **fields: Any) -> None:
        framework = self.state.frameworks.get(framework_id)
        if framework is not None and framework.stream is not None:
            body = {"type": kind, "framework_id": {"value": framework_id}, **({kind.lower(): fields} if fields else {})}
            self.cluster.raw(framework.stream, body)

    def _role(self) -> str:
        return self.random.choice("abc")

    def _agent(self) -> Any:
        return self.random.choice([*self.state.agents.values()]) if self.state.agents else None

    def _name(self, kind: str) -> str:
        self._numbers += 1
        return f"{kind}{self._numbers}"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens(seed: int) -> None:
    life = Life(seed)
    for _ in range(STEPS):
        life.step()
