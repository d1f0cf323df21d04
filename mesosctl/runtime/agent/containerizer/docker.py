"""The docker containerizer: executors and tasks in containers of a real Docker engine.

The image is pulled here. The container itself is made and watched by an executor process (see
`mesosctl.runtime.executor.docker`), so that it goes on while the agent is away, as in Apache Mesos. Containers are
named `mesos-<container id>`; they are removed some time after their end, so that one can look at them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec

from mesosctl.runtime.agent.containerizer.base import LaunchError
from mesosctl.runtime.agent.containerizer.login import find_login
from mesosctl.runtime.agent.nursery import Nursery
from mesosctl.runtime.agent.records import Ending, ExecutorRecord
from mesosctl.runtime.agent.sandbox import open_output
from mesosctl.runtime.agent.volumes import bind_volumes
from mesosctl.runtime.clock import Clock
from mesosctl.runtime.docker.create import LABEL_AGENT, NAME_PREFIX, Place, create_request, limits_of
from mesosctl.runtime.docker.engine import Engine, EngineError
from mesosctl.runtime.executor.docker import CUSTOM_EXECUTOR, task_request
from mesosctl.runtime.executor.nursery import Birth
from mesosctl.runtime.executor.program import DOCKER_PLACE
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.protocol.codec import encode
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo
from mesosctl.runtime.protocol.statistics import ResourceStatistics
from mesosctl.runtime.resources import Resources

log = logging.getLogger(__name__)

PRELOADED = "mesosctl.runtime.executor.docker"
"""What the nursery loads, so that executors start in a moment."""
_CLEAN_UP_TRIES = 10
_CLEAN_UP_SECONDS = 0.5


class DockerContainerizer:
    """Made inside a running event loop."""

    def __init__(self, flags: AgentFlags, nursery: Nursery, clock: Clock) -> None:
        self._flags = flags
        self._nursery = nursery
        self._clock = clock
        self._engine = Engine(flags.docker_socket)
        self._pending: set[asyncio.Task[None]] = set()

    def supports(self, container: ContainerInfo | None) -> bool:
        return container is not None and container.type is ContainerInfo.Type.DOCKER

    async def launch(self, executor: ExecutorRecord, environment: Mapping[str, str]) -> None:
        variables = dict(environment)
        container = executor.info.container
        assert container is not None
        try:
            place = self._place(executor)
            variables[DOCKER_PLACE] = msgspec.json.encode(place).decode()
            if executor.is_command:
                task_request(place, next(executor.tasks()).info)
            else:
                variables[CUSTOM_EXECUTOR] = encode(executor.info).decode()
                create_request(place, container, executor.info.command or CommandInfo(shell=False))
            assert container.docker is not None
            await self._provide(container.docker, executor)
        except (EngineError, OSError, ValueError, LookupError) as error:
            raise LaunchError(str(error)) from None
        self._nursery.launch(Birth(executor.container_id, executor.directory, variables))

    def _place(self, executor: ExecutorRecord) -> Place:
        # The executor of a task stays outside: the container is for what the task holds.
        own = executor.info.resources if not executor.is_command else ()
        held = Resources.of([*own, *(resource for task in executor.tasks() for resource in task.info.resources)])
        return Place(
            socket=self._flags.docker_socket,
            name=f"{NAME_PREFIX}{executor.container_id}",
            sandbox=executor.directory,
            mapped_sandbox=self._flags.sandbox_directory,
            agent_work_dir=self._flags.work_dir,
            cpus=held.scalar("cpus"),
            mem=held.scalar("mem"),
            enable_cfs=self._flags.cgroups_enable_cfs,
            binds=tuple(
                bind_volumes(self._flags.work_dir, self._flags.sandbox_directory, executor.resources(), executor.user)
            ),
        )

    async def _provide(self, docker: ContainerInfo.DockerInfo, executor: ExecutorRecord) -> None:
        """Have the image: pull it where it is not there, or where the task wants a fresh one."""
        if not docker.force_pull_image and await self._engine.has_image(docker.image):
            return
        login = find_login(docker.image, executor.directory, self._flags.docker_config)
        with open_output(executor.directory, "stderr", executor.user) as stderr:
            stderr.write(f"Pulling image '{docker.image}'\n".encode())
            stderr.flush()
            last = ""

            def progress(line: str) -> None:
                nonlocal last
                if line != last:
                    last = line
                    stderr.write(f"{line}\n".encode())
                    stderr.flush()

            try:
                await self._engine.pull(docker.image, login, progress)
            except EngineError as error:
                raise LaunchError(f"Failed to pull image '{docker.image}': {error}") from None

    def update(self, executor: ExecutorRecord) -> None:
        if not executor.is_command:  # the container of a task never changes
            held = Resources.of(executor.resources())
            place = Place("", "", "", "", "", held.scalar("cpus"), held.scalar("mem"), self._flags.cgroups_enable_cfs)
            self._spawn(self._engine.update(f"{NAME_PREFIX}{executor.container_id}", limits_of(place)))

    def destroy(self, executor: ExecutorRecord) -> None:
        self._spawn(self._engine.kill(f"{NAME_PREFIX}{executor.container_id}", "SIGKILL"))

    async def clean_up(self, container_id: str) -> None:
        name = f"{NAME_PREFIX}{container_id}"
        try:
            await self._end(name)
        except EngineError as error:
            log.error("Cannot end the container %s: %s", name, error)
        self._clock.after(self._flags.docker_remove_delay, lambda: self._spawn(self._engine.remove(name)))

    async def _end(self, name: str) -> None:
        """Kill a container, also one that its executor was about to start when it was killed."""
        for _ in range(_CLEAN_UP_TRIES):
            found = await self._engine.inspect(name)
            if found is None or found["State"]["Status"] in ("exited", "dead"):
                return
            if found["State"]["Status"] == "created":
                await self._engine.remove(name)
            else:
                await self._engine.kill(name, "SIGKILL")
            await asyncio.sleep(_CLEAN_UP_SECONDS)

    def limitation(self, container_id: str) -> Ending | None:
        return None  # its executor tells

    async def usage(self, executor: ExecutorRecord) -> ResourceStatistics:
        found = None
        with suppress(EngineError):
            found = await self._engine.stats(f"{NAME_PREFIX}{executor.container_id}")
        statistics = ResourceStatistics(timestamp=0.0)
        if not found or "usage" not in found.get("memory_stats", {}):
            return statistics
        memory, cpu = found["memory_stats"], found["cpu_stats"]["cpu_usage"]
        throttling = found["cpu_stats"].get("throttling_data", {})
        details = memory.get("stats", {})
        return msgspec.structs.replace(
            statistics,
            processes=found.get("pids_stats", {}).get("current"),
            cpus_user_time_secs=cpu["usage_in_usermode"] / 1e9,
            cpus_system_time_secs=cpu["usage_in_kernelmode"] / 1e9,
            cpus_nr_periods=throttling.get("periods"),
            cpus_nr_throttled=throttling.get("throttled_periods"),
            cpus_throttled_time_secs=throttling.get("throttled_time", 0) / 1e9,
            mem_total_bytes=memory["usage"],
            mem_rss_bytes=details.get("rss", details.get("anon")),
            mem_cache_bytes=details.get("cache", details.get("file")),
        )

    async def recover(self, executors: Sequence[ExecutorRecord]) -> None:
        container_ids = {executor.container_id for executor in executors}
        try:
            found = await self._engine.labelled(f"{LABEL_AGENT}={self._flags.work_dir}")
            for each in found:
                name = each["Names"][0].lstrip("/")
                if name.removeprefix(NAME_PREFIX) not in container_ids:
                    await self._recover_orphan(name, running=each["State"] == "running")
        except EngineError as error:
            log.warning("Docker tasks will fail until the engine answers: %s", error)

    async def _recover_orphan(self, name: str, *, running: bool) -> None:
        if running and not self._flags.docker_kill_orphans:
            return
        if running:
            log.warning("Killing the container %s, which has no executor", name)
        await self.clean_up(name.removeprefix(NAME_PREFIX))

    async def close(self) -> None:
        await self._engine.close()

    def _spawn(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        task = asyncio.get_running_loop().create_task(_logged(work))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)


async def _logged(work: object) -> None:
    try:
        await work  # type: ignore[misc]
    except EngineError as error:
        log.error("%s", error)
