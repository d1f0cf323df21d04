"""What an agent tells a new master: the tasks that ended here, and the frameworks that are over."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from msgspec.structs import replace

from mesosctl.runtime import internal
from mesosctl.runtime.agent.ledger import Ledger
from mesosctl.runtime.states import TERMINAL

TASKS_AT_ONCE = 100
"""In a message."""


def history(ledger: Ledger) -> Iterator[internal.History]:
    """All that the ledger remembers, in messages of a bounded size."""
    over = tuple(each.info for each in ledger.completed_frameworks.values() if each.terminating)
    if over:
        yield internal.History(over=over)
    ended = _ended(ledger)
    while tasks := tuple(islice(ended, TASKS_AT_ONCE)):
        yield internal.History(tasks)


def _ended(ledger: Ledger) -> Iterator[internal.RunningTask]:
    for framework in [*ledger.completed_frameworks.values(), *ledger.frameworks.values()]:
        for executor in [*framework.completed, *framework.executors.values()]:
            for task in executor.completed:
                if task.state in TERMINAL:
                    yield internal.RunningTask(
                        framework_id=framework.info_id,
                        executor_id=None if executor.is_command else executor.info.executor_id,
                        task=task.info,
                        status=replace(task.status(), data=None),
                    )
