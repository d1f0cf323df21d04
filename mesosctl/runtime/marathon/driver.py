"""The master's events, handed to the core as they come."""

from __future__ import annotations

import logging
from base64 import b64encode

from mesosctl.runtime.framework.scheduler import Scheduler
from mesosctl.runtime.framework.session import Disconnected
from mesosctl.runtime.marathon.api.context import Context
from mesosctl.runtime.marathon.core.marathon import Marathon
from mesosctl.runtime.protocol.scheduler import Event

log = logging.getLogger(__name__)


async def drive(scheduler: Scheduler, marathon: Marathon, context: Context) -> None:
    """Never returns. Raises AbortedError where the master wants this framework no more, RefusedError."""
    async for event in scheduler:
        match event:
            case Event.Subscribed():
                await _subscribed(event, context)
                marathon.connected(_region(event), event.framework_id.value)
            case Disconnected():
                context.bus.say("scheduler_disconnected_event")
                marathon.disconnected()
            case Event.Offers(offers=offers):
                marathon.offers(offers)
            case Event.Update(status=status):
                marathon.status(status)
            case Event.Message(agent_id=agent_id, executor_id=executor_id, data=data):
                context.bus.say(
                    "framework_message_event",
                    slaveId=agent_id.value,
                    executorId=executor_id.value,
                    message=b64encode(data).decode(),
                )
            case Event.Rescind() | Event.InverseOffers() | Event.RescindInverseOffer() | Event.UpdateOperationStatus():
                pass  # an offer is used up, or given back, as soon as it comes
            case Event.Failure(agent_id=agent_id, executor_id=executor_id):
                log.warning("Failure of agent %s, executor %s", agent_id, executor_id)
            case Event.Error(message=message):
                log.error("The master says: %s", message)


def _region(event: Event.Subscribed) -> str | None:
    domain = event.master_info.domain if event.master_info else None
    return domain.fault_domain.region.name if domain and domain.fault_domain else None


async def _subscribed(event: Event.Subscribed, context: Context) -> None:
    """The framework's id is safe before anything is launched under it."""
    writer, framework_id = context.writer, event.framework_id.value
    is_new = writer.archive.framework_id != framework_id
    if is_new:
        writer.write(writer.archive.subscribed(framework_id), lambda: None)
        await writer.flush()
    master = event.master_info
    address = f"{master.hostname}:{master.port}" if master else ""
    context.master = f"http://{address}/" if address else None
    if is_new:
        context.bus.say("scheduler_registered_event", frameworkId=framework_id, master=address)
    else:
        context.bus.say("scheduler_reregistered_event", master=address)
