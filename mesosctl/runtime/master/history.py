"""What ended before this master led, as agents tell it: they are all that remembers after a failover.

It is bounded like the history that the master sees itself: by `max_completed_frameworks` and
`max_completed_tasks_per_framework`.
"""

from __future__ import annotations

from collections import deque

from mesosctl.runtime import internal
from mesosctl.runtime.master.frameworks import Frameworks
from mesosctl.runtime.master.records import Agent, Task, resources_of
from mesosctl.runtime.master.state import State


class History:
    def __init__(self, state: State, frameworks: Frameworks) -> None:
        self._state = state
        self._frameworks = frameworks

    def take(self, agent: Agent, message: internal.History) -> None:
        """What an agent remembers. Nothing that is known already is changed by it."""
        for info in message.over:
            self._frameworks.recover_completed(info)
        tasks: dict[str, list[Task]] = {}
        for each in message.tasks:
            tasks.setdefault(each.framework_id.value, []).append(_ended(agent, each))
        for framework_id, ended in tasks.items():
            if framework := self._state.frameworks.get(framework_id) or self._state.completed.get(framework_id):
                framework.remember(ended)
            else:
                self._keep(framework_id, ended)

    def _keep(self, framework_id: str, tasks: list[Task]) -> None:
        options, histories = self._state.options, self._state.histories
        kept = histories.pop(framework_id, None) or deque(maxlen=options.max_completed_tasks_per_framework)
        kept += tasks
        histories[framework_id] = kept
        while len(histories) > options.max_completed_frameworks:
            del histories[next(iter(histories))]


def _ended(agent: Agent, told: internal.RunningTask) -> Task:
    return Task(
        told.task,
        told.framework_id.value,
        agent.id,
        told.executor_id.value if told.executor_id else None,
        resources_of(told.task.resources),
        state=told.status.state,
        statuses=[told.status],
        told=told.status,
    )
