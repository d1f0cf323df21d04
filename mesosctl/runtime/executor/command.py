"""What a CommandInfo runs: its arguments and its environment."""

from __future__ import annotations

from collections.abc import Mapping

from mesosctl.runtime.protocol.containers import CommandInfo, Environment
from mesosctl.runtime.protocol.tasks import TaskInfo

SHELL = "/bin/sh"


def command_line(command: CommandInfo) -> tuple[str, list[str]]:
    """The program and its arguments, the first of which is its own name. Raises ValueError where there is none."""
    if command.value is None:
        raise ValueError("The command has no value")
    if command.shell:
        return SHELL, ["sh", "-c", command.value]
    return command.value, list(command.arguments) or [command.value]


def role_environment(task: TaskInfo) -> dict[str, str]:
    """The variable that tells a task the role that its resources are allocated to."""
    role = next((each.allocation_info.role for each in task.resources if each.allocation_info), None)
    return {"MESOS_ALLOCATION_ROLE": role} if role else {}


def with_environment(base: Mapping[str, str], environment: Environment | None) -> dict[str, str]:
    """`base` with the variables that a message sets; one without a value (a secret) is left out."""
    variables = environment.variables if environment else ()
    return {**base, **{variable.name: variable.value for variable in variables if variable.value is not None}}
