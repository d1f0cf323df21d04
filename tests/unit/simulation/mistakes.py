"""What a master or an agent could do wrong, and the simulation must see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.durable import Durable
from mesosctl.runtime.agent.updates import StatusUpdates
from mesosctl.runtime.master.agent_records import AgentRecords
from mesosctl.runtime.master.agents import Agents
from mesosctl.runtime.master.allocator import Allocator
from mesosctl.runtime.master.draining import Draining
from mesosctl.runtime.master.offers import Offers
from mesosctl.runtime.master.records import Agent as AgentRecord
from mesosctl.runtime.master.stocktaking import Stocktaking
from mesosctl.runtime.protocol.executor import Event

Mistake = Callable[[pytest.MonkeyPatch], None]


def _nothing(*_: Any, **__: Any) -> None: ...


def offers_are_taken_back_without_a_word(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Offers, "rescind", lambda self, offer, **_: self.give_back(offer))


def offers_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    take = Allocator._take
    patch.setattr(
        Allocator,
        "_take",
        lambda self, framework_id, agent, resources, grant: (
            None if grant and agent.id.endswith("S1") else take(self, framework_id, agent, resources, grant=grant)
        ),
    )


def running_tasks_are_not_counted_after_a_failover(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Stocktaking, "_bring", _nothing)


def acknowledgements_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AgentRecord, "note_acknowledged", _nothing)


def agents_are_admitted_before_the_registry_holds_them(patch: pytest.MonkeyPatch) -> None:
    hold = AgentRecords.hold

    def early(self: AgentRecords, agent: AgentRecord, unreachable: float | None, done: Callable[[], object]) -> None:
        done()
        hold(self, agent, unreachable, _nothing)

    patch.setattr(AgentRecords, "hold", early)


def gone_agents_are_forgotten_by_the_next_master(patch: pytest.MonkeyPatch) -> None:
    recover = Draining.recover
    patch.setattr(Draining, "recover", lambda self: (recover(self), self._state.gone.clear()))


def nobody_sees_that_an_agent_is_drained(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Draining, "settle", _nothing)


def offers_outlive_an_agents_connection(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Agents, "_rescind_offers", _nothing)


def acknowledgements_are_not_written_down(patch: pytest.MonkeyPatch) -> None:
    from mesosctl.runtime.agent.checkpoint import Checkpoint

    patch.setattr(Checkpoint, "acknowledged", _nothing)


def acknowledgements_are_sent_before_they_are_written_down(patch: pytest.MonkeyPatch) -> None:
    def early(self: Durable, container_id: str, event: Event) -> None:
        if event.acknowledged:
            self._outside.to_executor(container_id, event)
        else:
            self._journal.after(lambda: self._outside.to_executor(container_id, event))

    patch.setattr(Durable, "to_executor", early)


def updates_are_taken_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StatusUpdates, "is_new", lambda *_: True)


def updates_are_sent_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StatusUpdates, "resume", lambda self: setattr(self, "_paused", False))


def tasks_are_delivered_again(patch: pytest.MonkeyPatch) -> None:
    subscribed = Agent.subscribed

    def again(self: Agent, framework: Any, executor: Any, subscribe: Any) -> None:
        for task in [*executor.launched.values()]:
            executor.enqueue((task.info,), group=False)
        subscribed(self, framework, executor, subscribe)

    patch.setattr(Agent, "subscribed", again)


MISTAKES: list[Mistake] = [
    offers_are_taken_back_without_a_word,
    offers_are_not_counted,
    offers_outlive_an_agents_connection,
    running_tasks_are_not_counted_after_a_failover,
    acknowledgements_are_forgotten,
    acknowledgements_are_not_written_down,
    acknowledgements_are_sent_before_they_are_written_down,
    agents_are_admitted_before_the_registry_holds_them,
    gone_agents_are_forgotten_by_the_next_master,
    nobody_sees_that_an_agent_is_drained,
    updates_are_taken_twice,
    updates_are_sent_once,
    tasks_are_delivered_again,
]
"""Those that few seeds show."""
