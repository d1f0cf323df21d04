"""What the agent's decisions act on: the master's connection, the executors' streams, sandboxes and containers."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine
from functools import partial
from typing import Any

from mesosctl.runtime import internal
from mesosctl.runtime.agent.adopted import AdoptedProcesses
from mesosctl.runtime.agent.containerizer.base import Containerizer, LaunchError
from mesosctl.runtime.agent.containerizer.docker import PRELOADED, DockerContainerizer
from mesosctl.runtime.agent.containerizer.isolation import isolators
from mesosctl.runtime.agent.containerizer.mesos import MesosContainerizer
from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.environment import AgentAddress, executor_environment
from mesosctl.runtime.agent.executor_api import ExecutorApi
from mesosctl.runtime.agent.fetching import Destination, Fetcher
from mesosctl.runtime.agent.garbage import mark_ended
from mesosctl.runtime.agent.master_link import MasterLink
from mesosctl.runtime.agent.nested import NestedContainers
from mesosctl.runtime.agent.nursery import Nursery
from mesosctl.runtime.agent.records import Ending, ExecutorRecord, ExecutorState
from mesosctl.runtime.agent.sandbox import create_sandbox, open_output, sandbox_path
from mesosctl.runtime.agent.tokens import Tokens
from mesosctl.runtime.agent.volumes import keep_volumes, link_volumes
from mesosctl.runtime.clock import LoopClock
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.http.address import Address
from mesosctl.runtime.protocol.basics import AgentID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.containers import ContainerInfo
from mesosctl.runtime.protocol.executor import Event
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.statistics import ResourceStatistics

log = logging.getLogger(__name__)

MESOS, DOCKER = "mesos", "docker"
_KILLED = 9
"""The status of a container that was destroyed before it ran, as of waitpid(2)."""


class Containers:
    """`agent`, `master` and `nested` are set before anything happens."""

    agent: Agent
    master: MasterLink
    nested: NestedContainers

    def __init__(self, flags: AgentFlags, address: Address, api: ExecutorApi, tokens: Tokens | None = None) -> None:
        """Made inside a running event loop. Raises ValueError where the flags cannot be followed."""
        self._tokens = tokens
        self._flags = flags
        self._address = address
        self._api = api
        self._adopted = AdoptedProcesses(self._exited)
        names = [name.strip() for name in flags.containerizers.split(",") if name.strip()]
        self._nursery = Nursery(self._born, self._exited, [PRELOADED] if DOCKER in names else [])
        self.fetcher = Fetcher(flags, self._nursery)
        self._containerizers = {name: self._containerizer(name) for name in names}
        if not names:
            raise ValueError("No containerizers specified")
        self._launching: dict[str, asyncio.Task[None]] = {}
        self._working: set[asyncio.Task[None]] = set()

    def _containerizer(self, name: str) -> Containerizer:
        clock = LoopClock()
        if name == MESOS:
            return MesosContainerizer(isolators(self._flags), self._nursery, clock, self._limited)
        if name == DOCKER:
            return DockerContainerizer(self._flags, self._nursery, clock)
        raise ValueError(f"Unknown containerizer '{name}': there are '{MESOS}' and '{DOCKER}'")

    def start(self) -> None:
        """Make ready for the first task, and take over the containers that were adopted. Raises OSError."""
        self.fetcher.start()
        self._nursery.start()
        adopted = [
            executor for _, executor in self.agent.ledger.executors() if executor.state is not ExecutorState.TERMINATED
        ]
        self._spawn(self._recover(adopted))

    async def _recover(self, adopted: list[ExecutorRecord]) -> None:
        for containerizer in self._containerizers.values():
            await containerizer.recover([executor for executor in adopted if self._of(executor) is containerizer])

    # What the agent decides

    def to_master(self, message: internal.FromAgent) -> None:
        self.master.send(message)

    def to_executor(self, container_id: str, event: Event) -> None:
        self._api.send(container_id, event)

    def sandbox(self, agent_id: AgentID, framework_id: str, executor_id: str, container_id: str) -> str:
        return sandbox_path(self._flags.work_dir, agent_id.value, framework_id, executor_id, container_id)

    def launch(self, framework: FrameworkInfo, executor: ExecutorRecord) -> None:
        self._launching[executor.container_id] = self._spawn(self._launch(framework, executor))

    def hold(self, executor: ExecutorRecord) -> None:
        if containerizer := self._of(executor):
            containerizer.update(executor)

    def destroy(self, executor: ExecutorRecord) -> None:
        if launching := self._launching.get(executor.container_id):
            launching.cancel()
        self.nested.destroy_within(executor.container_id)
        if not self._nursery.destroy(executor.container_id):
            self._adopted.destroy(executor.container_id)
        if containerizer := self._of(executor):
            containerizer.destroy(executor)

    def adopt(self, executor: ExecutorRecord) -> None:
        assert executor.pid is not None
        self._adopted.adopt(executor.container_id, executor.pid, executor.started)

    def keep_volumes(self, before: tuple[Resource, ...], now: tuple[Resource, ...]) -> None:
        keep_volumes(self._flags.work_dir, before, now)

    def show_volumes(self, executor: ExecutorRecord) -> None:
        try:
            self._link_volumes(executor)
        except (OSError, LookupError, ValueError) as error:
            log.warning("Container %s goes without a volume: %s", executor.container_id, error)

    async def close(self) -> None:
        """Let go of what is open. Containers go on."""
        for containerizer in self._containerizers.values():
            await containerizer.close()

    def destroy_all(self) -> None:
        for _, executor in self.agent.ledger.executors():
            self.destroy(executor)

    def limitation(self, executor: ExecutorRecord) -> Ending | None:
        """The limit that a container went over, if it did."""
        containerizer = self._of(executor)
        return containerizer.limitation(executor.container_id) if containerizer else None

    async def usage(self, executor: ExecutorRecord) -> ResourceStatistics:
        """What a container uses. `timestamp` is not set."""
        containerizer = self._of(executor)
        return await containerizer.usage(executor) if containerizer else ResourceStatistics(timestamp=0.0)

    def _of(self, executor: ExecutorRecord) -> Containerizer | None:
        """The first containerizer of the flag that is for such containers."""
        container = executor.info.container
        return next((each for each in self._containerizers.values() if each.supports(container)), None)

    async def _launch(self, framework: FrameworkInfo, executor: ExecutorRecord) -> None:
        container_id = executor.container_id
        try:
            await self._start(framework, executor)
        except (LaunchError, OSError, LookupError, ValueError) as error:
            await self._clean_up(executor)
            self.agent.container_failed(container_id, f"Failed to launch container: {error}")
        except asyncio.CancelledError:
            self._spawn(self._end(container_id, _KILLED))
        finally:
            self._launching.pop(container_id, None)

    async def _start(self, framework: FrameworkInfo, executor: ExecutorRecord) -> None:
        assert self.agent.info.id is not None
        containerizer = self._of(executor)
        if containerizer is None:
            raise LaunchError(
                f"None of the enabled containerizers ({self._flags.containerizers}) makes such containers"
            )
        _refuse_networks(executor.info.container)
        create_sandbox(executor.directory, executor.user)
        self._link_volumes(executor)
        for name in ("stdout", "stderr"):
            open_output(executor.directory, name, executor.user).close()
        address = self._address
        own = AgentAddress(address.ip, address.port, self.agent.info.id.value, address.hostname, self._tokens)
        grace = self._flags.executor_shutdown_grace_period
        times = (grace, self._flags.recovery_timeout, self._flags.executor_reregistration_timeout)
        environment = executor_environment(os.environ, own, framework, executor, *times)
        if executor.info.command and executor.info.command.uris:
            to = Destination(executor.container_id, executor.directory, executor.user)
            await self.fetcher.fetch(executor.info.command.uris, to)
        await containerizer.launch(executor, environment)

    def _link_volumes(self, executor: ExecutorRecord) -> None:
        """Show persistent volumes in the sandbox; a docker container has them mounted, where links lead nowhere."""
        container = executor.info.container
        if container is None or container.type is not ContainerInfo.Type.DOCKER:
            link = partial(link_volumes, self._flags.work_dir, executor.directory)
            for user in dict.fromkeys((executor.user, *map(executor.user_of, executor.tasks()))):
                link(executor.info.resources, user)
            for task in executor.tasks():
                link(task.info.resources, executor.user_of(task))

    # What becomes of it

    def _born(self, container_id: str, pid: int) -> None:
        self.agent.container_launched(container_id, pid)

    def _limited(self, container_id: str, ending: Ending) -> None:
        if found := self.agent.ledger.find_container(container_id):
            log.info("Destroying container %s: %s", container_id, ending.message)
            found[1].ending = ending
            self.destroy(found[1])

    def _exited(self, container_id: str, status: int) -> None:
        self._spawn(self._end(container_id, status))

    async def _end(self, container_id: str, status: int) -> None:
        self.nested.forget_within(container_id)
        if found := self.agent.ledger.find_container(container_id):
            executor = found[1]
            executor.ending = executor.ending or self.limitation(executor)
            await self._clean_up(executor)
            mark_ended(executor.directory)
        self._api.close(container_id)
        self.agent.container_exited(container_id, status)

    async def _clean_up(self, executor: ExecutorRecord) -> None:
        if containerizer := self._of(executor):
            await containerizer.clean_up(executor.container_id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task


def _refuse_networks(container: ContainerInfo | None) -> None:
    """Containers of the mesos containerizer have the host's network: none with a name. Raises LaunchError."""
    if container and container.type is ContainerInfo.Type.MESOS:
        for name in (info.name for info in container.network_infos if info.name):
            raise LaunchError(f"Unknown CNI network '{name}': this agent has the host's network alone")
