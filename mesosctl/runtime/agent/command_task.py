"""The executor that a command task gets: an ExecutorInfo as Apache Mesos would make it.

The names are what web pages and `/state` show, e.g. `Command Executor (Task: a) (Command: sh -c 'sleep 1000')`.
"""

from __future__ import annotations

import sys

from mesosctl.runtime.protocol.basics import ExecutorID, FrameworkID
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo

EXECUTOR_MODULE = "mesosctl.runtime.executor"
OVERHEAD = {"cpus": 0.1, "mem": 32.0}
"""What the command executor itself is reckoned with. `mem` in MB."""
_SHOWN = 15
"""Longer commands are cut."""


def command_executor(framework_id: FrameworkID, task: TaskInfo) -> ExecutorInfo:
    """The executor of a task that has a command and no executor. Its id is the task's."""
    allocation = next((resource.allocation_info for resource in task.resources), None)
    return ExecutorInfo(
        executor_id=ExecutorID(task.task_id.value),
        framework_id=framework_id,
        command=CommandInfo(
            shell=False,
            value=sys.executable,
            arguments=(sys.executable, "-P", "-m", EXECUTOR_MODULE),
            user=task.command.user if task.command else None,
            environment=task.command.environment if task.command else None,
            uris=task.command.uris if task.command else (),
        ),
        container=task.container,
        resources=tuple(
            Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(amount), allocation_info=allocation)
            for name, amount in OVERHEAD.items()
        ),
        name=f"Command Executor (Task: {task.task_id.value}) (Command: {_shown(task.command or CommandInfo())})",
        source=task.task_id.value,
    )


def _shown(command: CommandInfo) -> str:
    if command.shell:
        return f"sh -c '{_cut(command.value)}'" if command.value is not None else "NO COMMAND"
    if command.value is None:
        return "NO EXECUTABLE"
    return f"[{_cut(', '.join([command.value, *command.arguments]))}]"


def _cut(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
