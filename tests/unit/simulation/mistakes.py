"""What a master or an agent could do wrong, and the simulation must see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.durable import Durable
from mesosctl.runtime.agent.ledger import Ledger
from mesosctl.runtime.agent.updates import StatusUpdates
from mesosctl.runtime.executor.reports import Reports
from mesosctl.runtime.master import stocktaking
from mesosctl.runtime.master.agent_records import AgentRecords
from mesosctl.runtime.master.agents import Agents
from mesosctl.runtime.master.allocator import Allocator
from mesosctl.runtime.master.draining import Draining
from mesosctl.runtime.master.offers import Offers
from mesosctl.runtime.master.records import Agent as AgentRecord
from mesosctl.runtime.master.stocktaking import Stocktaking
from tests.unit.simulation.coordination import ZooKeeper

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


def lost_launches_are_not_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Stocktaking, "_missing", _nothing)


def unreachable_tasks_are_kept_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Stocktaking, "_not_brought", _nothing)


def acknowledged_ends_are_brought_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(stocktaking, "_is_over", lambda *_: False)


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


def restrictions_are_forgotten_by_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Draining, "settle", _nothing)


def late_registrations_are_believed(patch: pytest.MonkeyPatch) -> None:
    registration = Agent.registration

    def unordered(self: Agent) -> Any:
        message = registration(self)
        object.__setattr__(message, "order", (0, 0))
        return message

    patch.setattr(Agent, "registration", unordered)


def offers_outlive_an_agents_connection(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Agents, "_rescind_offers", _nothing)


def the_agent_speaks_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        Durable, "to_executor", lambda self, container_id, event: self._outside.to_executor(container_id, event)
    )


def acknowledgements_are_not_written_down(patch: pytest.MonkeyPatch) -> None:
    from mesosctl.runtime.agent.checkpoint import Checkpoint

    patch.setattr(Checkpoint, "acknowledged", _nothing)


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


def undelivered_tasks_are_not_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Agent, "_drop_undelivered", _nothing)


def early_statuses_are_not_repeated(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Reports, "subscribed", _nothing)


def rejected_tasks_are_not_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "report_rejected", _nothing)


def a_deposed_master_goes_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ZooKeeper, "valid", lambda *_: True)


def the_registry_has_no_fence(patch: pytest.MonkeyPatch) -> None:
    from mesosctl.runtime.coordination.registry import update

    patch.setattr(ZooKeeper, "valid", lambda *_: True)
    patch.setattr(ZooKeeper, "write", lambda self, master, epoch, changes: update(self.registry, changes) or True)


MISTAKES: list[Mistake] = [
    value
    for value in [*globals().values()]
    if callable(value) and getattr(value, "__module__", "") == __name__ and not value.__name__.startswith("_")
]
