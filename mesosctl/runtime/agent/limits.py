"""What this agent cannot run: said at once, in the status of the task, in place of running it otherwise than asked."""

from __future__ import annotations

from collections.abc import Iterable

from mesosctl.runtime.agent.records import Ending, ExecutorRecord, ExecutorState, FrameworkRecord
from mesosctl.runtime.agent.states import dropped_state
from mesosctl.runtime.authorization import Acls, Permit, user_of_task
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.containers import ContainerInfo
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskState, TaskStatus


def unsupported(executor: ExecutorInfo, tasks: Iterable[TaskInfo]) -> str | None:
    """Why these tasks cannot run on that executor; None where they can."""
    if not _is_file_name(executor.executor_id.value):
        return f"'{executor.executor_id.value}' cannot name a directory"
    if executor.type is ExecutorInfo.Type.DEFAULT:
        return _container(executor.container)  # it hears what becomes of the containers of its tasks
    problems = (_container(container) for container in (executor.container, *(task.container for task in tasks)))
    return next((problem for problem in problems if problem), None)


def _is_file_name(text: str) -> bool:
    """Sandboxes are named after executors, and must not leave the work directory."""
    return text not in ("", ".", "..") and not set(text) & {"/", "\0"} and len(text.encode()) <= 255


def _container(container: ContainerInfo | None) -> str | None:
    if container is None or container.type is ContainerInfo.Type.DOCKER:
        return None
    if container.mesos and container.mesos.image:
        return "This agent has no image provider"
    return None


def unauthorized(
    framework: FrameworkInfo, tasks: tuple[TaskInfo, ...], acls: Acls | None, *, group: bool
) -> tuple[TaskState, Ending] | None:
    """How tasks end that the lists of this agent do not allow to run as their users; None where they do."""
    permit = Permit(acls, framework.principal)
    users = (user_of_task(task, framework) for task in tasks)
    forbidden = next((user for user in users if not permit.allows("run_tasks", user)), None)
    if forbidden is None:
        return None
    reason = TaskStatus.Reason.REASON_TASK_GROUP_UNAUTHORIZED if group else TaskStatus.Reason.REASON_TASK_UNAUTHORIZED
    return TaskState.TASK_ERROR, Ending(reason, f"Not authorized to launch as user '{forbidden}'")


def refusal(
    framework: FrameworkRecord,
    executor: ExecutorRecord | None,
    wanted: ExecutorInfo,
    tasks: tuple[TaskInfo, ...],
    *,
    expected: bool,
) -> tuple[TaskState, Ending] | None:
    """How tasks end that cannot run, and why; None where they can. `executor` is that of the same id, if there is one;
    `expected`: the master thinks so, and has not counted what another one would hold."""
    if problem := unsupported(wanted, tasks):
        return TaskState.TASK_FAILED, Ending(TaskStatus.Reason.REASON_CONTAINER_LAUNCH_FAILED, problem)
    if framework.terminating:
        problem = "Framework is being shut down"
    elif executor and executor.state in (ExecutorState.TERMINATING, ExecutorState.TERMINATED):
        problem = f"Executor {executor.state.name.lower()}"
    elif executor is None and expected:
        problem = "Executor terminated"
    else:
        return None
    return dropped_state(framework.info), Ending(TaskStatus.Reason.REASON_EXECUTOR_TERMINATED, problem)
