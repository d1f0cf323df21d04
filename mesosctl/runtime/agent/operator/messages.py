"""What an agent remembers, as the messages of the operator API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.records import ExecutorRecord, ExecutorState, FrameworkRecord, TaskRecord
from mesosctl.runtime.protocol.agent import Response
from mesosctl.runtime.protocol.tasks import Task
from mesosctl.runtime.views import task_message


def frameworks(agent: Agent) -> Response.GetFrameworks:
    def messages(records: Iterable[FrameworkRecord]) -> tuple[Response.GetFrameworks.Framework, ...]:
        return tuple(Response.GetFrameworks.Framework(record.info) for record in records)

    ledger = agent.ledger
    return Response.GetFrameworks(
        frameworks=messages(ledger.frameworks.values()),
        completed_frameworks=messages(ledger.completed_frameworks.values()),
    )


def executors(agent: Agent) -> Response.GetExecutors:
    def messages(records: Iterable[ExecutorRecord]) -> tuple[Response.GetExecutors.Executor, ...]:
        return tuple(Response.GetExecutors.Executor(record.info) for record in records)

    return Response.GetExecutors(executors=messages(_living(agent)), completed_executors=messages(_ended(agent)))


def tasks(agent: Agent) -> Response.GetTasks:
    living, everyone = list(_living(agent)), [*_living(agent), *_ended(agent)]
    return Response.GetTasks(
        queued_tasks=tuple(_task(task, executor) for executor in living for task in executor.queued.values()),
        launched_tasks=tuple(_task(task, executor) for executor in living for task in executor.launched.values()),
        terminated_tasks=tuple(_task(task, executor) for executor in everyone for task in executor.terminated.values()),
        completed_tasks=tuple(_task(task, executor) for executor in everyone for task in executor.completed),
    )


def whole(agent: Agent) -> Response.GetState:
    return Response.GetState(get_tasks=tasks(agent), get_executors=executors(agent), get_frameworks=frameworks(agent))


def _living(agent: Agent) -> Iterator[ExecutorRecord]:
    return (each for _, each in agent.ledger.executors() if each.state is not ExecutorState.TERMINATED)


def _ended(agent: Agent) -> Iterator[ExecutorRecord]:
    """Those whose container is gone, of frameworks that are over too."""
    yield from (each for _, each in agent.ledger.executors() if each.state is ExecutorState.TERMINATED)
    for framework in (*agent.ledger.frameworks.values(), *agent.ledger.completed_frameworks.values()):
        yield from framework.completed


def _task(task: TaskRecord, executor: ExecutorRecord) -> Task:
    assert executor.info.framework_id is not None
    return task_message(
        task.info,
        framework_id=executor.info.framework_id,
        executor_id=None if executor.is_command else executor.info.executor_id,
        state=task.state,
        resources=task.info.resources,
        statuses=task.statuses,
        told=task.statuses[-1] if task.statuses else None,
    )
