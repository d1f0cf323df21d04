"""Operations that schedulers gave an id: their status is told again until it is acknowledged.

Operations on an agent's own resources are done at once, so that there is one status of each, and it is final. Those
that are not acknowledged are known to this master only: to the next one they are unknown.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from msgspec.structs import replace

from mesosctl.runtime.clock import Timer
from mesosctl.runtime.master.records import Agent, Framework
from mesosctl.runtime.master.state import State
from mesosctl.runtime.protocol import offers as wire
from mesosctl.runtime.protocol.basics import UUID, AgentID
from mesosctl.runtime.protocol.offers import Offer, OperationState, OperationStatus
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.scheduler import Call, Event

_FIRST_SECONDS = 10.0
_LAST_SECONDS = 600.0


@dataclass
class _Waiting:
    """An operation whose status is not acknowledged."""

    operation: wire.Operation
    timer: Timer


class Operations:
    def __init__(self, state: State) -> None:
        self._state = state
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        """By framework and operation."""

    def failed(self, framework: Framework, operation: Offer.Operation, agent: Agent, problem: str) -> None:
        """It could not be done. There is nothing to acknowledge."""
        if operation.id is not None:
            message = f"{problem}; on agent {agent}"
            self._send(framework, OperationStatus(OperationState.OPERATION_ERROR, operation.id, message))

    def finished(
        self, framework: Framework, operation: Offer.Operation, agent: Agent, converted: tuple[Resource, ...]
    ) -> None:
        """It was done, and made these resources."""
        if operation.id is None:
            return
        identifier = UUID(uuid.uuid4().bytes)
        status = OperationStatus(
            OperationState.OPERATION_FINISHED,
            operation.id,
            converted_resources=converted,
            uuid=identifier,
            agent_id=AgentID(agent.id),
        )
        known = wire.Operation(
            info=operation,
            latest_status=status,
            uuid=identifier,
            framework_id=framework.framework_id,
            agent_id=status.agent_id,
            statuses=(status,),
        )
        key = framework.id, operation.id.value
        if before := self._waiting.pop(key, None):
            before.timer.cancel()
        self._tell(key, known, _FIRST_SECONDS)

    def acknowledge(self, framework: Framework, call: Call.AcknowledgeOperationStatus) -> None:
        """What is not waited for is passed over."""
        key = framework.id, call.operation_id.value
        waiting = self._waiting.get(key)
        if waiting and waiting.operation.uuid.value == call.uuid:
            waiting.timer.cancel()
            del self._waiting[key]

    def repeat(self, framework_id: str) -> None:
        """The framework has a new scheduler: it is told what its last one did not acknowledge."""
        for key, waiting in [*self._waiting.items()]:
            if key[0] == framework_id:
                waiting.timer.cancel()
                self._tell(key, waiting.operation, _FIRST_SECONDS)

    def reconcile(self, framework: Framework, call: Call.ReconcileOperations) -> None:
        """Tell what is known of these, or of all where none is named. What was acknowledged is unknown."""
        if not call.operations:
            for (framework_id, _), waiting in self._waiting.items():
                if framework_id == framework.id:
                    self._send(framework, replace(waiting.operation.latest_status, uuid=None))
        for asked in call.operations:
            known = self._waiting.get((framework.id, asked.operation_id.value))
            if known is not None:
                self._send(framework, replace(known.operation.latest_status, uuid=None))
                continue
            without = "" if asked.agent_id else " and no 'agent_id' was provided"
            status = OperationStatus(
                state=OperationState.OPERATION_UNKNOWN,
                operation_id=asked.operation_id,
                message=f"Reconciliation: Operation is unknown{without}",
                agent_id=asked.agent_id,
                resource_provider_id=asked.resource_provider_id,
            )
            self._send(framework, status)

    def all(self) -> tuple[wire.Operation, ...]:
        return tuple(waiting.operation for waiting in self._waiting.values())

    def _tell(self, key: tuple[str, str], operation: wire.Operation, seconds: float) -> None:
        """Now, and again after that time, which doubles, until it is acknowledged or the framework is over."""
        framework = self._state.frameworks.get(key[0])
        if framework is None:
            del self._waiting[key]
            return
        again = self._state.clock.after(seconds, lambda: self._tell(key, operation, min(2 * seconds, _LAST_SECONDS)))
        self._waiting[key] = _Waiting(operation, again)
        self._send(framework, operation.latest_status)

    def _send(self, framework: Framework, status: OperationStatus) -> None:
        event = Event.UpdateOperationStatus(status=status)
        self._state.send(framework, Event(type=Event.Type.UPDATE_OPERATION_STATUS, update_operation_status=event))
