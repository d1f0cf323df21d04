"""The master as a state machine: what happens goes in by method calls, what is to be done comes out by `emit`.

No I/O and no clock of its own. Streams are named by their ids; the caller opens them, reports when they break, and
ends them when told to. Calls of schedulers must be complete (`validation.calls`) and come on the framework's stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mesosctl.runtime import internal
from mesosctl.runtime.clock import Clock
from mesosctl.runtime.master.accepts import Accepts
from mesosctl.runtime.master.actions import Emit
from mesosctl.runtime.master.agents import Agents
from mesosctl.runtime.master.allocator import Allocator
from mesosctl.runtime.master.changes import Change, commit
from mesosctl.runtime.master.draining import Draining
from mesosctl.runtime.master.forgetting import Forgetting
from mesosctl.runtime.master.frameworks import Frameworks
from mesosctl.runtime.master.history import History
from mesosctl.runtime.master.inverse_offers import InverseOffers
from mesosctl.runtime.master.maintenance import Maintenance
from mesosctl.runtime.master.offers import Offers
from mesosctl.runtime.master.operations import Operations
from mesosctl.runtime.master.options import MasterOptions
from mesosctl.runtime.master.quota import Quotas
from mesosctl.runtime.master.rate_limits import Throttle
from mesosctl.runtime.master.reconciliation import Reconciliation
from mesosctl.runtime.master.records import Framework
from mesosctl.runtime.master.reservations import Reservations
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.tasks import Tasks
from mesosctl.runtime.master.validation.calls import problem_of_call
from mesosctl.runtime.master.weights import Weights
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.scheduler import Call

_Type = Call.Type


class Master:
    def __init__(self, options: MasterOptions, clock: Clock, emit: Emit) -> None:
        self.state = State(options, clock, Allocator(clock, options.allocation), emit)
        self._throttle = Throttle(options.rate_limits, clock) if options.rate_limits else None
        self._offers = Offers(self.state)
        self._tasks = Tasks(self.state)
        self._frameworks = Frameworks(self.state, self._offers, self._tasks)
        self._agents = Agents(self.state, self._offers, self._tasks, self._frameworks)
        self._history = History(self.state, self._frameworks)
        self.operations = Operations(self.state)
        self._accepts = Accepts(self.state, self._offers, self._tasks, self.operations)
        self._reconciliation = Reconciliation(self.state)
        self.quotas = Quotas(self.state, self._offers)
        self.weights = Weights(self.state, self._offers)
        self.reservations = Reservations(self.state, self._offers)
        self.draining = Draining(self.state, self._offers, self._agents)
        self._forgetting = Forgetting(self.state, self._agents, self.draining)
        self.inverse_offers = InverseOffers(self.state)
        self.maintenance = Maintenance(self.state, self._offers, self.inverse_offers, self._agents.remove)

    def recover(self, registry: Mapping[str, bytes]) -> None:
        """Take in what earlier masters left. Called once, before `start`."""
        self.state.registrar.recover(registry)
        self.quotas.recover()
        self.weights.recover()
        self.maintenance.recover()
        self.draining.recover()
        self._agents.recover()
        self.state.allocator.recover(len(self.state.recovered), self.state.quotas.values(), self.state.weights)
        self.state.registrar.recover({})  # taken in: its memory is free

    def start(self) -> None:
        """Begin to make offers, and to wait for the agents that the registry knows."""
        self.state.elected = self.state.clock.now()
        self._agents.start()
        self._forgetting.start()
        self._offers.start()
        self.inverse_offers.start()

    def persisted(self) -> None:
        """The changes of the last `Persist` are durable."""
        self.state.registrar.persisted()

    # Schedulers.

    def subscribe(self, stream: str, call: Call) -> None:
        """A SUBSCRIBE that is to be answered on `stream`."""
        assert call.subscribe is not None  # the call is complete
        self._frameworks.subscribe(stream, call.subscribe)
        self.operations.repeat(call.framework_id.value if call.framework_id else "")

    def delay(self, call: Call) -> float:
        """How many seconds a call of a scheduler has to wait before anything else. Raises Refusal (503)."""
        if self._throttle is None:
            return 0.0
        framework = self.state.frameworks.get(call.framework_id.value if call.framework_id else "")
        info = call.subscribe.framework_info if call.subscribe else framework.info if framework else None
        return self._throttle.delay(info.principal if info else None)

    def scheduler_disconnected(self, stream: str) -> None:
        self._frameworks.disconnected(stream)

    def framework_for(self, call: Call, stream: str | None) -> Framework:
        """The framework that a call other than SUBSCRIBE speaks for. Raises Refusal (400, 403)."""
        framework = self.state.frameworks.get(call.framework_id.value if call.framework_id else "")
        if framework is None:
            raise Refusal(400, "Framework cannot be found")
        if not framework.connected:
            raise Refusal(403, "Framework is not subscribed")
        if stream is None:
            raise Refusal(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header")
        if stream != framework.stream:
            raise Refusal(
                400,
                f"The stream ID '{stream}' included in this request didn't match the stream ID currently"
                f" associated with framework ID {framework.id}",
            )
        return framework

    # Operators.

    def commit(self, change: Change, done: Callable[[], None] = lambda: None) -> None:
        """Make a change durable, carry it out, then call `done`."""
        commit(change, self.state.registrar, done)

    def set_whitelist(self, hostnames: Iterable[str] | None) -> None:
        """Only agents with these hostnames are offered. None: all."""
        self.state.allocator.set_whitelist(hostnames)
        self._offers.allocate_soon()

    def teardown(self, framework_id: str) -> None:
        """An operator ends a framework. Raises Refusal (400)."""
        framework = self.state.frameworks.get(framework_id)
        if framework is None:
            raise Refusal(400, "No framework found with specified ID")
        self._frameworks.remove(framework)
        self._offers.allocate_soon()

    def call(self, framework: Framework, call: Call) -> int:
        """Carry out a call other than SUBSCRIBE; gives the HTTP status. Raises Refusal where it cannot be."""
        framework.counters["calls", call.type] += 1
        match call.type:
            case _Type.TEARDOWN:
                self._frameworks.remove(framework)
            case _Type.ACCEPT if call.accept:
                self._accepts.accept(framework, call.accept)
            case _Type.DECLINE if call.decline:
                self._offers.decline(framework, call.decline)
            case _Type.ACCEPT_INVERSE_OFFERS if accepted := call.accept_inverse_offers:
                self.inverse_offers.answer(framework, accepted.inverse_offer_ids, accepted.filters, accept=True)
            case _Type.DECLINE_INVERSE_OFFERS if declined := call.decline_inverse_offers:
                self.inverse_offers.answer(framework, declined.inverse_offer_ids, declined.filters, accept=False)
            case _Type.REVIVE:
                self._frameworks.revive(framework, call.revive)
            case _Type.SUPPRESS:
                self._frameworks.suppress(framework, call.suppress)
            case _Type.KILL if call.kill:
                self._reconciliation.kill(framework, call.kill)
            case _Type.SHUTDOWN if call.shutdown:
                self._tasks.shutdown_executor(framework, call.shutdown)
            case _Type.ACKNOWLEDGE if call.acknowledge:
                self._tasks.acknowledge(framework, call.acknowledge)
                self.draining.settle()
            case _Type.RECONCILE if call.reconcile:
                self._reconciliation.reconcile(framework, call.reconcile)
            case _Type.RECONCILE_OPERATIONS if call.reconcile_operations:
                self.operations.reconcile(framework, call.reconcile_operations)
            case _Type.ACKNOWLEDGE_OPERATION_STATUS if call.acknowledge_operation_status:
                self.operations.acknowledge(framework, call.acknowledge_operation_status)
            case _Type.MESSAGE if call.message:
                self._tasks.message(framework, call.message)
            case _Type.REQUEST:
                pass  # a hint that Mesos' own allocator does not take either
            case _Type.ACKNOWLEDGE_OPERATION_STATUS:
                pass  # the master tells how operations ended by itself, and repeats nothing
            case _Type.UPDATE_FRAMEWORK if call.update_framework:
                self._frameworks.update(framework, call.update_framework)
                return 200
            case _:
                raise Refusal(501, f"{call.type} is not implemented")
        return 202

    # Agents.

    def register_agent(self, stream: str, peer: str, message: internal.Register) -> None:
        """An agent that connected from the address `peer` is to be answered on `stream`."""
        self._agents.register(stream, peer, message)

    def agent_disconnected(self, stream: str) -> None:
        self._agents.disconnected(stream)

    def agent_message(self, stream: str, message: internal.FromAgent) -> None:
        """Anything else an agent says. Raises Refusal (400) where it is not registered on that stream."""
        agent = self.state.agents_by_stream.get(stream)
        if agent is None:
            raise Refusal(400, "The agent is not registered on this stream")
        match message:
            case internal.StatusUpdate():
                self._tasks.updated(agent, message)
            case internal.ExecutorExited():
                self._tasks.executor_exited(agent, message)
            case internal.ExecutorMessage():
                self._tasks.executor_message(agent, message)
            case internal.History():
                self._history.take(agent, message)
            case internal.Pong():
                self._agents.ponged(agent)
                self.draining.settle()
            case internal.Unregister():
                self._agents.remove(agent, "the agent unregistered")
            case _:
                raise Refusal(400, "The agent is registered already")


def check_call(call: Call) -> None:
    """Raises Refusal (400) where a call is not complete."""
    if problem := problem_of_call(call):
        raise Refusal(400, f"Failed to validate scheduler::Call: {problem}")
