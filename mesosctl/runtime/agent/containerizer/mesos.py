"""The mesos containerizer: executors are processes of this host, born in the nursery and held by isolators."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from mesosctl.runtime.agent.containerizer.base import LaunchError, Limited, holding
from mesosctl.runtime.agent.containerizer.isolator import Isolator
from mesosctl.runtime.agent.nursery import Nursery
from mesosctl.runtime.agent.records import Ending, ExecutorRecord
from mesosctl.runtime.clock import Clock
from mesosctl.runtime.executor.command import command_line
from mesosctl.runtime.executor.enter import Preparation
from mesosctl.runtime.executor.nursery import Birth
from mesosctl.runtime.executor.processes import usage
from mesosctl.runtime.executor.program import KIND, TASK_USER
from mesosctl.runtime.protocol.containers import ContainerInfo
from mesosctl.runtime.protocol.statistics import ResourceStatistics
from mesosctl.runtime.protocol.tasks import ExecutorInfo

log = logging.getLogger(__name__)

_LIMITS_SECONDS = 1.0
"""How often the limits of all containers are looked at."""
_CLEAN_UP_TRIES = 100
_CLEAN_UP_SECONDS = 0.05


class MesosContainerizer:
    def __init__(self, isolators: Sequence[Isolator], nursery: Nursery, clock: Clock, limited: Limited) -> None:
        self._isolators = isolators
        self._nursery = nursery
        self._clock = clock
        self._limited = limited
        self._containers: set[str] = set()
        self._watching = False

    def supports(self, container: ContainerInfo | None) -> bool:
        return container is None or container.type is ContainerInfo.Type.MESOS

    async def launch(self, executor: ExecutorRecord, environment: Mapping[str, str]) -> None:
        container = executor.info.container
        if container and container.mesos and container.mesos.image:
            raise LaunchError("This agent has no image provider")
        self._enter(executor.container_id)
        preparation: dict[str, Any] = {}
        held = holding(executor)
        command = None
        variables = dict(environment)
        try:
            for isolator in self._isolators:
                for name, value in isolator.prepare(executor, held).items():
                    preparation[name] = preparation[name] + value if name in preparation else value
            if executor.info.type is ExecutorInfo.Type.DEFAULT:
                variables[KIND] = "default"
            elif not executor.is_command:
                if executor.info.command is None:
                    raise LaunchError("The executor has no command")
                command = command_line(executor.info.command)
        except (OSError, ValueError, LookupError) as error:
            raise LaunchError(str(error)) from None
        if executor.is_command and executor.user is not None:
            variables[TASK_USER] = executor.user
        self._nursery.launch(
            Birth(
                executor.container_id,
                executor.directory,
                variables,
                Preparation(**preparation),
                command,
                executor.user,
            )
        )

    def update(self, executor: ExecutorRecord) -> None:
        held = holding(executor)
        for isolator in self._isolators:
            try:
                isolator.update(executor.container_id, held)
            except OSError as error:
                log.error("Cannot change the limits of container %s: %s", executor.container_id, error)

    def destroy(self, executor: ExecutorRecord) -> None:
        for isolator in self._isolators:
            with suppress(OSError):
                isolator.destroy(executor.container_id)

    async def clean_up(self, container_id: str) -> None:
        self._containers.discard(container_id)
        for isolator in reversed(self._isolators):
            for _ in range(_CLEAN_UP_TRIES):
                try:
                    if isolator.clean_up(container_id):
                        break
                except OSError as error:
                    log.error("Cannot remove what is left of container %s: %s", container_id, error)
                    break
                await asyncio.sleep(_CLEAN_UP_SECONDS)

    def limitation(self, container_id: str) -> Ending | None:
        for isolator in self._isolators:
            with suppress(OSError):
                if ending := isolator.limitation(container_id):
                    return ending
        return None

    async def usage(self, executor: ExecutorRecord) -> ResourceStatistics:
        fields: dict[str, Any] = {}
        if executor.pid is not None:
            with suppress(OSError):
                used = usage(executor.pid)
                fields = {
                    "cpus_user_time_secs": used.user_seconds,
                    "cpus_system_time_secs": used.system_seconds,
                    "mem_rss_bytes": used.resident_bytes,
                }
        for isolator in self._isolators:
            with suppress(OSError):
                fields |= isolator.usage(executor.container_id)
        return ResourceStatistics(timestamp=0.0, **fields)

    async def recover(self, executors: Sequence[ExecutorRecord]) -> None:
        for executor in executors:
            self._enter(executor.container_id)
            for isolator in self._isolators:
                isolator.adopt(executor, holding(executor))
        container_ids = {executor.container_id for executor in executors}
        orphans: set[str] = set()
        for isolator in self._isolators:
            with suppress(OSError):
                orphans |= isolator.orphans(container_ids)
        for orphan in orphans - self._containers:
            log.warning("Removing container %s, which has no executor", orphan)
            await self.clean_up(orphan)

    async def close(self) -> None:
        pass

    def _enter(self, container_id: str) -> None:
        self._containers.add(container_id)
        if self._isolators and not self._watching:
            self._watching = True
            self._clock.after(_LIMITS_SECONDS, self._watch)

    def _watch(self) -> None:
        """Tell of containers that went over a limit; as long as there are containers."""
        for container_id in list(self._containers):
            if ending := self.limitation(container_id):
                self._containers.discard(container_id)
                self._limited(container_id, ending)
        self._watching = bool(self._containers)
        if self._watching:
            self._clock.after(_LIMITS_SECONDS, self._watch)
