"""Frameworks: subscription, failover of schedulers, disconnection, teardown."""

from __future__ import annotations

import logging

import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.master.actions import (
    CloseScheduler,
    FrameworkAdded,
    FrameworkRemoved,
    FrameworkUpdated,
    ToScheduler,
)
from mesosctl.runtime.master.allocator import compiled
from mesosctl.runtime.master.offers import Offers
from mesosctl.runtime.master.records import Framework, Task
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.tasks import Tasks
from mesosctl.runtime.master.validation.frameworks import (
    problem_of_framework,
    problem_of_update,
    roles_of,
    unknown_role,
)
from mesosctl.runtime.protocol.basics import FrameworkID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.scheduler import Call, Event, OfferConstraints
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus

log = logging.getLogger(__name__)

_HEARTBEAT = Event(type=Event.Type.HEARTBEAT)


class Frameworks:
    def __init__(self, state: State, offers: Offers, tasks: Tasks) -> None:
        self._state = state
        self._offers = offers
        self._tasks = tasks

    def subscribe(self, stream: str, call: Call.Subscribe) -> None:
        """A scheduler subscribes on `stream`: for a new framework, or in place of what spoke for it before.

        What is wrong with it is told as an ERROR event, which ends the stream.
        """
        info = call.framework_info
        problem = problem_of_framework(info, call.suppressed_roles, self._state.options)
        problem = problem or self._problem_of_constraints(call) or self._problem_of_roles(info)
        known = self._state.frameworks.get(info.id.value) if info.id else None
        if problem is None and info.id and info.id.value in self._state.completed:
            problem = "Framework has been removed"
        if problem is None and known and known.info.principal != info.principal:
            problem = "Changing framework's principal is not allowed."
        if problem is not None:
            self._fail(stream, problem)
        elif known:
            self._resubscribe(known, stream, call)
        else:
            self._subscribe(stream, call)

    def disconnected(self, stream: str) -> None:
        """The stream broke. The framework has its failover timeout to come back."""
        framework = next((each for each in self._state.frameworks.values() if each.stream == stream), None)
        if framework is None:
            return
        log.info(
            "Framework %s (%s) is disconnected; it has %g s to come back",
            framework.id,
            framework.info.name,
            framework.info.failover_timeout,
        )
        self._leave_stream(framework)
        self._state.allocator.deactivate_framework(framework.id)
        self._take_offers(framework)
        framework.failover = self._state.clock.after(framework.info.failover_timeout, lambda: self.remove(framework))

    def remove(self, framework: Framework) -> None:
        """The framework is over: its tasks are killed, its scheduler is disconnected, it never comes back."""
        log.info("Framework %s (%s) is over, with %d tasks", framework.id, framework.info.name, len(framework.tasks))
        self._take_offers(framework)
        for agent in self._state.agents.values():
            self._state.tell(agent, internal.ShutdownFramework(framework.framework_id))
        for task in [*framework.tasks.values()]:
            self._kill(framework, task)
        for executor in [*framework.executors.values()]:
            self._tasks.remove_executor(executor)
        for task in [*framework.unreachable.values()]:
            status = self._removed(framework, task)
            task.state, task.told = status.state, status
            task.statuses.append(status)
            framework.complete(task)
        framework.unreachable.clear()
        stream = framework.stream
        self._leave_stream(framework)
        if stream is not None:
            self._state.emit(CloseScheduler(stream))
        framework.unregistered = self._state.clock.now()
        self._state.allocator.remove_framework(framework.id)
        del self._state.frameworks[framework.id]
        self._complete(framework)
        self._state.changed(FrameworkRemoved(framework))

    def recover(self, info: FrameworkInfo) -> Framework:
        """A framework that an agent knows and this master does not: it is waited for."""
        framework = self._new(info)
        framework.recovered = True
        self._state.frameworks[framework.id] = framework
        self._state.allocator.add_framework(framework.id, info, active=False)
        self._state.changed(FrameworkAdded(framework))
        return framework

    def recover_completed(self, info: FrameworkInfo) -> None:
        """A framework that an earlier master ended, as an agent tells."""
        framework_id = info.id.value if info.id else ""
        if framework_id not in self._state.frameworks and framework_id not in self._state.completed:
            framework = self._new(info)
            framework.unregistered = self._state.clock.now()
            self._complete(framework)

    def revive(self, framework: Framework, call: Call.Revive | None) -> None:
        roles = call.roles if call else ()
        if not unknown_role(framework, roles):
            framework.suppressed -= set(roles or framework.roles)
            self._state.allocator.revive(framework.id, roles)
            self._offers.allocate_soon()

    def suppress(self, framework: Framework, call: Call.Suppress | None) -> None:
        roles = call.roles if call else ()
        if not unknown_role(framework, roles):
            framework.suppressed |= set(roles or framework.roles)
            self._state.allocator.suppress(framework.id, roles)

    def update(self, framework: Framework, call: Call.UpdateFramework) -> None:
        """Raises Refusal where the new info is invalid or changes what cannot change."""
        info = call.framework_info
        problem = problem_of_framework(info, call.suppressed_roles, self._state.options)
        if problem is not None:
            raise Refusal(400, f"Supplied FrameworkInfo is not valid: {problem}")
        problem = problem_of_update(framework.info, info) or self._problem_of_constraints(call)
        if problem is not None:
            raise Refusal(400, problem)
        if problem := self._problem_of_roles(info):
            raise Refusal(403, problem)
        self._change(framework, info, call)
        self._state.changed(FrameworkUpdated(framework))
        self._offers.allocate_soon()

    def _subscribe(self, stream: str, call: Call.Subscribe) -> None:
        info = call.framework_info
        if info.id is None or not info.id.value:
            info = msgspec.structs.replace(info, id=FrameworkID(self._state.new_framework_id()))
        framework = self._new(info)
        framework.suppressed = set(call.suppressed_roles)
        framework.offer_constraints = call.offer_constraints or OfferConstraints()
        self._state.frameworks[framework.id] = framework
        constraints = compiled(call.offer_constraints, self._state.options.regex_size)
        self._state.allocator.add_framework(
            framework.id, info, suppressed=call.suppressed_roles, constraints=constraints
        )
        self._greet(framework, stream)
        self._state.changed(FrameworkAdded(framework))

    def _resubscribe(self, framework: Framework, stream: str, call: Call.Subscribe) -> None:
        if framework.stream is not None:
            displaced = framework.stream
            self._leave_stream(framework)
            self._fail(displaced, "Framework failed over")
        # A framework keeps its user and checkpointing: agents act by them.
        info = msgspec.structs.replace(
            call.framework_info, user=framework.info.user, checkpoint=framework.info.checkpoint
        )
        self._take_offers(framework)
        self._change(framework, info, call)
        self._state.allocator.deactivate_framework(framework.id)  # drops its filters
        self._state.allocator.activate_framework(framework.id)
        framework.recovered = False
        framework.reregistered = self._state.clock.now()
        self._greet(framework, stream)
        self._state.changed(FrameworkUpdated(framework))

    def _problem_of_roles(self, info: FrameworkInfo) -> str | None:
        """Whether access control lists forbid its roles."""
        permit, roles = self._state.permit(info), roles_of(info)
        if all(permit.allows("register_frameworks", role) for role in roles):
            return None
        return f"Not authorized to use roles '{{ {', '.join(sorted(roles))} }}'"

    def _problem_of_constraints(self, call: Call.Subscribe | Call.UpdateFramework) -> str | None:
        wanted = call.offer_constraints.role_constraints if call.offer_constraints else {}
        for role in wanted:
            if role not in roles_of(call.framework_info):
                return (
                    f"Offer constraints specify `role_constraints` for a role '{role}'"
                    " that is not contained in the set of roles"
                )
        try:
            compiled(call.offer_constraints, self._state.options.regex_size)
        except ValueError as error:
            return f"Offer constraints are not valid: {error}"
        return None

    def _change(self, framework: Framework, info: FrameworkInfo, call: Call.Subscribe | Call.UpdateFramework) -> None:
        framework.info = info
        framework.suppressed = set(call.suppressed_roles)
        framework.offer_constraints = call.offer_constraints or OfferConstraints()
        constraints = compiled(call.offer_constraints, self._state.options.regex_size)
        self._state.allocator.update_framework(
            framework.id, info, suppressed=call.suppressed_roles, constraints=constraints
        )
        for agent in self._state.agents_of(framework):
            self._state.tell(agent, internal.UpdateFramework(info))

    def _greet(self, framework: Framework, stream: str) -> None:
        if framework.failover:
            framework.failover.cancel()
            framework.failover = None
        framework.stream = stream
        log.info("Framework %s (%s) is subscribed", framework.id, framework.info.name)
        framework.counters["calls", Call.Type.SUBSCRIBE] += 1
        subscribed = Event.Subscribed(
            framework_id=framework.framework_id,
            heartbeat_interval_seconds=self._state.options.heartbeat_interval,
            master_info=self._state.options.info,
        )
        self._state.send(framework, Event(type=Event.Type.SUBSCRIBED, subscribed=subscribed))
        self._beat(framework)
        self._offers.allocate_soon()

    def _beat(self, framework: Framework) -> None:
        self._state.send(framework, _HEARTBEAT)
        framework.heartbeat = self._state.clock.after(
            self._state.options.heartbeat_interval, lambda: self._beat(framework)
        )

    def _leave_stream(self, framework: Framework) -> None:
        framework.stream = None
        for timer in (framework.heartbeat, framework.failover):
            if timer:
                timer.cancel()
        framework.heartbeat = framework.failover = None

    def _fail(self, stream: str, message: str) -> None:
        log.info("A scheduler's stream ends: %s", message)
        self._state.emit(ToScheduler(stream, Event(type=Event.Type.ERROR, error=Event.Error(message=message))))
        self._state.emit(CloseScheduler(stream))

    def _take_offers(self, framework: Framework) -> None:
        """Its offers are void; there is nobody to tell."""
        for offer in [*framework.offers.values()]:
            self._offers.give_back(offer)

    def _kill(self, framework: Framework, task: Task) -> None:
        """The end of a task whose framework is over: it is not waited for."""
        if not task.ended:
            status = self._removed(framework, task)
            self._tasks.record(task, status, status)
        self._tasks.forget(task)

    def _removed(self, framework: Framework, task: Task) -> TaskStatus:
        return self._state.status(
            framework,
            task.id,
            task.agent_id,
            TaskState.TASK_KILLED,
            TaskStatus.Reason.REASON_FRAMEWORK_REMOVED,
            f"Framework {framework.id} removed",
        )

    def _new(self, info: FrameworkInfo) -> Framework:
        options = self._state.options
        now = self._state.clock.now()
        framework = Framework(
            info,
            registered=now,
            max_completed=options.max_completed_tasks_per_framework,
            max_unreachable=options.max_unreachable_tasks_per_framework,
        )
        framework.remember(self._state.histories.pop(framework.id, ()))
        return framework

    def _complete(self, framework: Framework) -> None:
        self._state.completed[framework.id] = framework
        while len(self._state.completed) > self._state.options.max_completed_frameworks:
            del self._state.completed[next(iter(self._state.completed))]
