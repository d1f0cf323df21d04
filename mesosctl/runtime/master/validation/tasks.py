"""Whether a task or a task group may be launched on what was offered. The checks come in the order of Mesos."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mesosctl.runtime.master.records import NOTHING, Agent, Framework, resources_of
from mesosctl.runtime.master.validation.checks import problem_of_check, problem_of_health_check
from mesosctl.runtime.master.validation.ids import problem_of_id
from mesosctl.runtime.protocol.cluster import AgentInfo
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo, Environment
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo
from mesosctl.runtime.resources import Resources, ResourcesError

_LEAST_CPUS = 0.01
_LEAST_MEM_MB = 32.0

Problem = str | None


def problem_of_task(task: TaskInfo, framework: Framework, agent: Agent, offered: Resources) -> Problem:
    """What forbids a LAUNCH of this task, or None. Resources carry their allocation already."""
    if problem := _problem_of_any_task(task, framework, agent):
        return problem
    if (task.executor is None) == (task.command is None):
        return "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
    total = resources_of(task.resources)
    executor = task.executor
    if executor is not None:
        if problem := _problem_of_executor(executor, framework, agent):
            return problem
        if executor.type not in (None, ExecutorInfo.Type.CUSTOM):
            return "'ExecutorInfo.type' must be 'CUSTOM'"
        if executor.command is None:
            return "'ExecutorInfo.command' must be set"
        if resources_of(executor.resources).shared():
            return f"Executor resources {resources_of(executor.resources)} should not contain any shared resources"
        total += executor_share(executor, framework, agent)
    if not offered.contains(total):
        return f"Total resources {total} required by task and its executor is more than available {offered}"
    linux = task.container.linux_info if task.container else None
    if linux and not linux.share_cgroups:
        return "Only tasks in a task group may have 'share_cgroups' set to 'false'"
    return None


def problem_of_group(
    tasks: Sequence[TaskInfo], executor: ExecutorInfo, framework: Framework, agent: Agent, offered: Resources
) -> Problem:
    """What forbids a LAUNCH_GROUP, or None. The tasks carry the executor already."""
    for task in tasks:
        if problem := _problem_of_any_task(task, framework, agent) or _problem_of_member(task):
            return f"Task '{task.task_id.value}' is invalid: {problem}"
    if problem := _problem_of_executor(executor, framework, agent):
        return problem
    if executor.type is None:
        return "'ExecutorInfo.type' must be set"
    if executor.type is ExecutorInfo.Type.UNKNOWN:
        return "Unknown executor type"
    if executor.container and executor.container.type is ContainerInfo.Type.DOCKER:
        return "Docker ContainerInfo is not supported on the executor"
    for task in tasks:
        if task.executor != executor:
            return (
                f"The `ExecutorInfo` of task '{task.task_id.value}' is different from"
                f" executor '{executor.executor_id.value}'"
            )
    if problem := _problem_of_least(executor):
        return problem
    total = sum((resources_of(task.resources) for task in tasks), executor_share(executor, framework, agent))
    if not offered.contains(total):
        return f"Total resources {total} required by task group and its executor are more than available {offered}"
    return None


def executor_share(executor: ExecutorInfo, framework: Framework, agent: Agent) -> Resources:
    """What a launch takes for its executor: nothing where that runs already."""
    if (framework.id, executor.executor_id.value) in agent.executors:
        return NOTHING
    return resources_of(executor.resources)


def _problem_of_any_task(task: TaskInfo, framework: Framework, agent: Agent) -> Problem:
    checks: tuple[Callable[[], Problem], ...] = (
        lambda: problem_of_id(task.task_id.value),
        lambda: _problem_of_uniqueness(task, framework),
        lambda: _problem_of_agent(task, agent),
        lambda: _problem_of_times(task),
        lambda: _prefixed("Task uses invalid check: ", problem_of_check(task.check) if task.check else None),
        lambda: _prefixed(
            "Task uses invalid health check: ",
            problem_of_health_check(task.health_check) if task.health_check else None,
        ),
        lambda: "Task uses no resources" if not task.resources else None,
        lambda: _problem_of_resources(task.resources, "Task", "task"),
        lambda: _prefixed("Task's `CommandInfo` is invalid: ", _problem_of_command(task.command)),
        lambda: _prefixed("Task's `ContainerInfo` is invalid: ", _problem_of_container(task.container)),
        lambda: _problem_of_limits(task, agent),
    )
    return next((problem for check in checks if (problem := check())), None)


def _prefixed(prefix: str, problem: Problem) -> Problem:
    return f"{prefix}{problem}" if problem else None


def _problem_of_uniqueness(task: TaskInfo, framework: Framework) -> Problem:
    if task.task_id.value in framework.tasks:
        return f"Task has duplicate ID: {task.task_id.value}"
    if task.task_id.value in framework.unreachable:
        return f"Task reuses the ID of an unreachable task: {task.task_id.value}"
    return None


def _problem_of_agent(task: TaskInfo, agent: Agent) -> Problem:
    if task.agent_id.value == agent.id:
        return None
    return f"Task uses invalid agent {task.agent_id.value} while agent {agent.id} is expected"


def _problem_of_times(task: TaskInfo) -> Problem:
    grace = task.kill_policy.grace_period if task.kill_policy else None
    if grace and grace.nanoseconds < 0:
        return "Task's 'kill_policy.grace_period' must be non-negative"
    if task.max_completion_time and task.max_completion_time.nanoseconds < 0:
        return "Task's `max_completion_time` must be non-negative"
    return None


def _problem_of_resources(resources: tuple[Resource, ...], whose: str, article: str) -> Problem:
    try:
        resources_of(resources)
    except ResourcesError as error:
        return f"{whose} uses invalid resources: Invalid resources: {error}"
    roles = {each.allocation_info.role if each.allocation_info else None for each in resources}
    if len(roles) > 1:
        first, second, *_ = sorted(str(role) for role in roles)
        return (
            f"Invalid {article} resources: The resources have multiple allocation roles"
            f" ('{second}' and '{first}') but only one allocation role is allowed"
        )
    revocable = {each.name for each in resources if each.revocable is not None}
    for name in sorted(revocable & {each.name for each in resources if each.revocable is None}):
        return (
            f"{whose} mixes revocable and non-revocable resources:"
            f" Cannot use both revocable and non-revocable '{name}' at the same time"
        )
    return None


def _problem_of_command(command: CommandInfo | None) -> Problem:
    variables = command.environment.variables if command and command.environment else ()
    for variable in variables:
        if variable.type is Environment.Variable.Type.UNKNOWN:
            return f"Environment variable '{variable.name}' of type 'UNKNOWN' is not allowed"
        wanted, other = (
            ("secret", "value") if variable.type is Environment.Variable.Type.SECRET else ("value", "secret")
        )
        if getattr(variable, wanted) is None:
            return f"Environment variable '{variable.name}' of type '{variable.type}' must have a {wanted} set"
        if getattr(variable, other) is not None:
            return f"Environment variable '{variable.name}' of type '{variable.type}' must not have a {other} set"
    return None


def _problem_of_container(container: ContainerInfo | None) -> Problem:
    if container and container.type is ContainerInfo.Type.DOCKER and container.docker is None:
        return "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"
    return None


def _problem_of_limits(task: TaskInfo, agent: Agent) -> Problem:
    if not task.limits:
        return None
    if not any(each.type is AgentInfo.Capability.Type.TASK_RESOURCE_LIMITS for each in agent.capabilities):
        return "Agent is not capable of handling task resource limits"
    if task.limits.keys() - {"cpus", "mem"}:
        return "Only cpus and mem may be included in a task's resource limits"
    resources = resources_of(task.resources)
    for name, short, long in (("cpus", "cpu", "CPU"), ("mem", "memory", "memory")):
        limit = task.limits.get(name)
        if limit is None:
            continue
        if not resources.scalar(name):
            return f"When a {long} limit is specified, a {long} request must also be specified"
        if limit.value < resources.scalar(name):
            return f"The {short} limit must be greater than or equal to the {short} request"
    return None


def _problem_of_executor(executor: ExecutorInfo, framework: Framework, agent: Agent) -> Problem:
    if executor.type is ExecutorInfo.Type.DEFAULT:
        if executor.command is not None:
            return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"
        if executor.container and executor.container.type is not ContainerInfo.Type.MESOS:
            return "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor"
        if executor.container and executor.container.mesos and executor.container.mesos.image:
            return "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor"
    if executor.type is ExecutorInfo.Type.CUSTOM and executor.command is None:
        return "'ExecutorInfo.command' must be set for 'CUSTOM' executor"
    if problem := problem_of_id(executor.executor_id.value):
        return problem
    if executor.shutdown_grace_period and executor.shutdown_grace_period.nanoseconds < 0:
        return "ExecutorInfo's 'shutdown_grace_period' must be non-negative"
    if problem := _problem_of_command(executor.command):
        return f"Executor's `CommandInfo` is invalid: {problem}"
    if problem := _problem_of_container(executor.container):
        return f"Executor's `ContainerInfo` is invalid: {problem}"
    if executor.framework_id is None:
        return "'ExecutorInfo.framework_id' must be set"
    if executor.framework_id.value != framework.id:
        return (
            f"ExecutorInfo has an invalid FrameworkID (Actual: {executor.framework_id.value}"
            f" vs Expected: {framework.id})"
        )
    if problem := _problem_of_resources(executor.resources, "Executor", "executor"):
        return problem
    running = agent.executors.get((framework.id, executor.executor_id.value))
    if running and running.info != executor:
        return "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID."
    return None


def _problem_of_member(task: TaskInfo) -> Problem:
    """What only a task of a group must not be."""
    if task.container and task.container.type is ContainerInfo.Type.DOCKER:
        return "Docker ContainerInfo is not supported on the task"
    linux = task.container.linux_info if task.container else None
    if task.limits and (linux is None or linux.share_cgroups):
        return (
            "Resource limits may only be set for tasks within a task group when"
            " the 'share_cgroups' field is set to 'false'."
        )
    return None


def _problem_of_least(executor: ExecutorInfo) -> Problem:
    resources = resources_of(executor.resources)
    for name, word, least in (("cpus", "CPUs", _LEAST_CPUS), ("mem", "memory", _LEAST_MEM_MB)):
        if resources.scalar(name) < least:
            amount = f"{resources.scalar(name):g}" if name in resources.names() else "None"
            unit = "MB" if name == "mem" else ""
            return (
                f"Executor '{executor.executor_id.value}' uses less {word} ({amount}{unit})"
                f" than the minimum required ({least:g}{unit})"
            )
    if "disk" not in resources.names():
        return f"Executor '{executor.executor_id.value}' uses no disk"
    return None
