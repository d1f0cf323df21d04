"""What becomes of the core's decisions: calls to the master in their order, writes, events, probes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from mesosctl.runtime.framework.errors import RefusedError
from mesosctl.runtime.framework.scheduler import Scheduler
from mesosctl.runtime.marathon.core.outside import Change, Probe, ProbeResult
from mesosctl.runtime.marathon.events import Bus
from mesosctl.runtime.marathon.failures import failure_told
from mesosctl.runtime.marathon.probes import Prober
from mesosctl.runtime.marathon.store.writer import Writer
from mesosctl.runtime.protocol.basics import AgentID, TaskID
from mesosctl.runtime.protocol.containers import KillPolicy
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.tasks import TaskStatus

log = logging.getLogger(__name__)


class Effects:
    """The core's `Outside`. `run` makes the calls; `probed` is called with what probes found."""

    def __init__(self, scheduler: Scheduler, writer: Writer, bus: Bus, prober: Prober) -> None:
        self._scheduler = scheduler
        self._writer = writer
        self._bus = bus
        self._prober = prober
        self._calls: asyncio.Queue[Coroutine[Any, Any, object]] = asyncio.Queue()
        self.probed: Callable[[Probe, ProbeResult], None]

    async def run(self) -> None:
        """Make the calls in their order; one that gets lost is made good by reconciliation. Never returns."""
        while True:
            call = await self._calls.get()
            try:
                await call
            except RefusedError as error:
                log.error("The master refuses a call: %s", error)

    def accept(self, offers: Sequence[Offer], operations: Sequence[Offer.Operation], refuse_seconds: float) -> None:
        self._calls.put_nowait(self._scheduler.operate(offers, operations, refuse_seconds=refuse_seconds))

    def decline(self, offers: Sequence[Offer], refuse_seconds: float) -> None:
        self._calls.put_nowait(self._scheduler.decline(offers, refuse_seconds=refuse_seconds))

    def kill(self, task_id: str, agent_id: str | None, policy: KillPolicy | None) -> None:
        agent = None if agent_id is None else AgentID(agent_id)
        self._calls.put_nowait(self._scheduler.kill(TaskID(task_id), agent, policy))

    def revive(self) -> None:
        self._calls.put_nowait(self._scheduler.revive())

    def suppress(self) -> None:
        self._calls.put_nowait(self._scheduler.suppress())

    def reconcile(self, tasks: Iterable[tuple[str, str | None]] | None) -> None:
        asked = None
        if tasks is not None:
            asked = [(TaskID(task), None if agent is None else AgentID(agent)) for task, agent in tasks]
        self._calls.put_nowait(self._scheduler.reconcile(asked))

    def acknowledge(self, status: TaskStatus) -> None:
        self._calls.put_nowait(self._scheduler.acknowledge(status))

    def persist(self, changes: Sequence[Change], then: Callable[[], None]) -> None:
        self._writer.persist(changes, then)

    def publish(self, event: dict[str, Any]) -> None:
        if told := failure_told(event):
            self._writer.write(self._writer.archive.failed(*told), lambda: None)
        self._bus.publish(event)

    def probe(self, probe: Probe) -> None:
        self._prober.start(probe, self.probed)
