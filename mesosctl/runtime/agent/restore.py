"""Puts what an agent before this one wrote down back into the ledger."""

from __future__ import annotations

from mesosctl.runtime.agent.ledger import Ledger
from mesosctl.runtime.agent.records import ExecutorRecord, ExecutorState, FrameworkRecord, TaskRecord
from mesosctl.runtime.agent.recovery import Found, FoundRun, FoundTask
from mesosctl.runtime.states import TERMINAL


def restore(ledger: Ledger, found: Found) -> list[tuple[FrameworkRecord, ExecutorRecord]]:
    """Fill the ledger. Returns the executors that had something left to do, as if their containers lived."""
    executors = []
    for framework in found.frameworks:
        record = ledger.framework(framework.info)
        for run in sorted(framework.runs, key=lambda run: run.changed):
            executor = _executor(run)
            for task in run.tasks:
                _task(executor, task)
                if not run.completed:
                    ledger.updates.recover(record.info_id, task.statuses, task.acknowledged)
            if run.completed:
                record.completed.append(executor)
            else:
                ledger.enter(record, executor)
                executors.append((record, executor))
        ledger.retire_framework_if_idle(record)
    return executors


def _executor(run: FoundRun) -> ExecutorRecord:
    return ExecutorRecord(
        info=run.executor,
        container_id=run.container_id,
        directory=run.run.directory,
        user=run.run.user,
        is_command=run.run.is_command,
        launched_at=run.run.launched_at,
        state=ExecutorState.TERMINATED if run.completed else ExecutorState.REGISTERING,
        pid=run.forked.pid if run.forked else None,
        started=run.forked.started if run.forked else None,
    )


def _task(executor: ExecutorRecord, found: FoundTask) -> None:
    task = TaskRecord(found.info)
    for status in found.statuses:
        task.add(status)
    last = task.status()
    if last.state not in TERMINAL:
        executor.launched[task.id] = task
    elif last.uuid in found.acknowledged or executor.state is ExecutorState.TERMINATED:
        executor.completed.append(task)
    else:
        executor.terminated[task.id] = task
