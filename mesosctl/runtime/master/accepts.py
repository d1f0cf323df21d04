"""ACCEPT: the operations of a scheduler on what it was offered, one after the other; what is left over is free."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.authorization import user_of_task
from mesosctl.runtime.master.allocation import allocated
from mesosctl.runtime.master.offers import Offers
from mesosctl.runtime.master.operations import Operations
from mesosctl.runtime.master.records import NOTHING, Agent, Executor, Framework, Task, resources_of
from mesosctl.runtime.master.reservations import convert
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.tasks import Tasks
from mesosctl.runtime.master.validation.offers import problem_of_offers
from mesosctl.runtime.master.validation.operations import problem_of_operation
from mesosctl.runtime.master.validation.permissions import problem_of_maker, problem_of_permission
from mesosctl.runtime.master.validation.tasks import executor_share, problem_of_group, problem_of_task
from mesosctl.runtime.protocol.offers import Filters, Offer
from mesosctl.runtime.protocol.scheduler import Call
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Resources, ResourcesError, apply, conversions

_Type = Offer.Operation.Type
_Reason = TaskStatus.Reason


class Accepts:
    def __init__(self, state: State, offers: Offers, tasks: Tasks, operations: Operations) -> None:
        self._state = state
        self._operations = operations
        self._offers = offers
        self._tasks = tasks
        self._shared = NOTHING
        """Volumes that were offered to the accept at hand, of which its tasks may use more copies."""

    def accept(self, framework: Framework, call: Call.Accept) -> None:
        """Offers without operations, or with a LAUNCH of no tasks, are declined."""
        ids = [offer_id.value for offer_id in call.offer_ids]
        problem = problem_of_offers(ids, self._state.offers, framework) if ids else "No offers specified"
        if problem is not None:
            self._refuse(framework, ids, call.operations, f"Task launched with invalid offers: {problem}")
            return
        offers = [self._state.offers[offer_id] for offer_id in ids]
        agent, role = self._state.agents[offers[0].agent_id], offers[0].role
        left = self._shared = NOTHING
        for offer in offers:
            self._offers.remove(offer)
            left += offer.resources
        for operation in call.operations:
            self._shared = left.shared() + self._shared
            left = self._perform(framework, agent, allocated(operation, role), left)
        if left:
            self._state.allocator.recover_resources(framework.id, agent.id, left, call.filters or Filters())

    def _perform(self, framework: Framework, agent: Agent, operation: Offer.Operation, left: Resources) -> Resources:
        """Carry out one operation on what is left of the offers; gives what is left then."""
        if operation.type is _Type.LAUNCH and operation.launch:
            for task in operation.launch.task_infos:
                left = self._launch(framework, agent, task, left)
            return left
        if operation.type is _Type.LAUNCH_GROUP and operation.launch_group:
            group = operation.launch_group
            return self._launch_group(framework, agent, group.task_group.tasks, group.executor, left)
        return self._convert(framework, agent, operation, left)

    def _launch(self, framework: Framework, agent: Agent, task: TaskInfo, left: Resources) -> Resources:
        if task.executor and task.executor.framework_id is None:
            executor = msgspec.structs.replace(task.executor, framework_id=framework.framework_id)
            task = msgspec.structs.replace(task, executor=executor)
        copies = self._copies([task], left)
        if problem := problem_of_task(task, framework, agent, left + copies):
            self._error(framework, agent, [task], _Reason.REASON_TASK_INVALID, problem)
            return left
        if problem := self._forbidden(framework, task):
            self._error(framework, agent, [task], _Reason.REASON_TASK_UNAUTHORIZED, problem)
            return left
        self._state.allocator.share(framework.id, agent.id, copies)
        is_new = _is_new(task.executor, framework, agent)
        used = self._enter(framework, agent, [task], task.executor)
        run = internal.RunTasks(framework.info, (task,), task.executor, launches_executor=is_new)
        self._state.tell(agent, run)
        return left + copies - used

    def _launch_group(
        self,
        framework: Framework,
        agent: Agent,
        tasks: Sequence[TaskInfo],
        executor: ExecutorInfo,
        left: Resources,
    ) -> Resources:
        if executor.framework_id is None:
            executor = msgspec.structs.replace(executor, framework_id=framework.framework_id)
        tasks = [task if task.executor else msgspec.structs.replace(task, executor=executor) for task in tasks]
        copies = self._copies(tasks, left)
        if problem := problem_of_group(tasks, executor, framework, agent, left + copies):
            self._error(framework, agent, tasks, _Reason.REASON_TASK_GROUP_INVALID, problem)
            return left
        for task in tasks:
            if problem := self._forbidden(framework, task):
                self._error(framework, agent, tasks, _Reason.REASON_TASK_GROUP_UNAUTHORIZED, problem)
                return left
        self._state.allocator.share(framework.id, agent.id, copies)
        is_new = _is_new(executor, framework, agent)
        used = self._enter(framework, agent, tasks, executor)
        run = internal.RunTasks(framework.info, tuple(tasks), executor, group=True, launches_executor=is_new)
        self._state.tell(agent, run)
        return left + copies - used

    def _copies(self, tasks: Iterable[TaskInfo], left: Resources) -> Resources:
        """The copies of shared volumes that tasks want beyond those that are left."""
        try:
            wanted = sum((resources_of(task.resources) for task in tasks), NOTHING).shared()
        except ResourcesError:
            return NOTHING  # they are invalid, as will be found
        return (wanted - left).filter(lambda kind: bool(self._shared.filter(lambda each: each == kind)))

    def _forbidden(self, framework: Framework, task: TaskInfo) -> str | None:
        user = user_of_task(task, framework.info)
        allowed = self._state.permit(framework.info).allows("run_tasks", user)
        return None if allowed else f"Not authorized to launch as user '{user}'"

    def _enter(
        self, framework: Framework, agent: Agent, tasks: Iterable[TaskInfo], executor: ExecutorInfo | None
    ) -> Resources:
        """Book the tasks, and their executor where it is new; gives what they take."""
        used = NOTHING
        if executor and _is_new(executor, framework, agent):
            share = executor_share(executor, framework, agent)
            self._tasks.add_executor(framework, agent, Executor(executor, framework.id, agent.id, share))
            used += share
        for task in tasks:
            resources = resources_of(task.resources)
            executor_id = executor.executor_id.value if executor else None
            self._tasks.add(framework, agent, Task(task, framework.id, agent.id, executor_id, resources))
            used += resources
        return used

    def _convert(self, framework: Framework, agent: Agent, operation: Offer.Operation, left: Resources) -> Resources:
        """RESERVE, CREATE and the like: the agent keeps what they make."""
        problem = (
            problem_of_operation(operation, framework, agent)
            or problem_of_maker(operation, framework.info.principal)
            or problem_of_permission(operation, self._state.permit(framework.info))
        )
        if problem:
            self._operations.failed(framework, operation, agent, problem)
            return left
        try:
            made = conversions(operation)
            converted = apply(left, made)
            convert(self._state, agent, made)
        except ResourcesError as error:
            self._operations.failed(framework, operation, agent, str(error))
            return left
        self._state.allocator.update_allocation(framework.id, agent.id, made)
        result = sum((each.converted for each in made), NOTHING).messages(framework.form)
        self._operations.finished(framework, operation, agent, result)
        return converted

    def _refuse(
        self, framework: Framework, ids: Iterable[str], operations: Iterable[Offer.Operation], message: str
    ) -> None:
        """The offers cannot be used: those of the framework are void, its tasks are dropped."""
        for offer_id in ids:
            if offer := framework.offers.get(offer_id):
                self._offers.give_back(offer)
        for operation in operations:
            tasks: tuple[TaskInfo, ...] = operation.launch.task_infos if operation.launch else ()
            if operation.launch_group:
                tasks += operation.launch_group.task_group.tasks
            for task in tasks:
                status = self._state.status(
                    framework,
                    task.task_id.value,
                    task.agent_id.value,
                    TaskState.TASK_DROPPED,
                    _Reason.REASON_INVALID_OFFERS,
                    message,
                )
                self._state.update(framework, status)

    def _error(
        self, framework: Framework, agent: Agent, tasks: Iterable[TaskInfo], reason: TaskStatus.Reason, message: str
    ) -> None:
        for task in tasks:
            status = self._state.status(
                framework, task.task_id.value, task.agent_id.value, TaskState.TASK_ERROR, reason, message
            )
            self._state.update(framework, status)


def _is_new(executor: ExecutorInfo | None, framework: Framework, agent: Agent) -> bool:
    """Whether a launch starts this executor; always so for the command executor, which each task has its own of."""
    return executor is None or (framework.id, executor.executor_id.value) not in agent.executors
