"""The main function of mesos-agent."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from mesosctl.runtime import internal
from mesosctl.runtime.agent import host
from mesosctl.runtime.agent.containers import Containers
from mesosctl.runtime.agent.core import Agent, Settings
from mesosctl.runtime.agent.durable import Durable
from mesosctl.runtime.agent.endpoints import routes
from mesosctl.runtime.agent.executor_api import ExecutorApi
from mesosctl.runtime.agent.garbage import Collector
from mesosctl.runtime.agent.gate import Gate
from mesosctl.runtime.agent.journal import Journal
from mesosctl.runtime.agent.log_rotation import keep_bounded, limits
from mesosctl.runtime.agent.master_link import MasterLink, RefusedError
from mesosctl.runtime.agent.nested import NestedContainers
from mesosctl.runtime.agent.nested_parents import parent
from mesosctl.runtime.agent.orphans import kill_orphans
from mesosctl.runtime.agent.recovery import Found, RecoveryError, forget
from mesosctl.runtime.agent.security import authentication, executor_tokens, headers_to_master
from mesosctl.runtime.agent.takeover import CLEANUP, take_over
from mesosctl.runtime.agent.volumes import keep_volumes
from mesosctl.runtime.clock import LoopClock
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.flags.program import fail, log_to, start
from mesosctl.runtime.http.address import Address, resolve
from mesosctl.runtime.http.server import application, serve
from mesosctl.runtime.protocol.cluster import AgentInfo
from mesosctl.runtime.resources import ResourcesError
from mesosctl.runtime.tls import Tls, tls

PROGRAM = "mesos-agent"
PREFIX = "/slave(1)"
_RECOVERY_POLL_SECONDS = 0.02
log = logging.getLogger(PROGRAM)


def main() -> None:
    """Run until SIGTERM or SIGINT (executors stay or end by their own rules), or SIGUSR1 (all tasks are ended)."""
    flags, warnings = start(AgentFlags, PROGRAM)
    try:
        log_to(PROGRAM, flags.log_dir, flags.logging_level, quiet=flags.quiet)
        for warning in warnings:
            log.warning("%s", warning)
        address = resolve(
            flags.ip,
            flags.port,
            flags.hostname,
            lookup=flags.hostname_lookup,
            advertise_ip=flags.advertise_ip,
            advertise_port=flags.advertise_port,
        )
        Path(flags.work_dir).mkdir(parents=True, exist_ok=True)
        info = AgentInfo(
            hostname=address.hostname,
            port=address.port,
            resources=host.resources(flags.resources, flags.work_dir).messages(),
            attributes=host.attributes(flags.attributes),
            domain=flags.domain,
        )
        asyncio.run(_run(flags, address, info, tls(os.environ)))
    except RecoveryError as error:
        fail(f"Failed to perform recovery: {error}")
    except (OSError, ValueError, ResourcesError) as error:
        fail(f"Failed to start: {error}")
    except RefusedError as error:
        fail(f"The master refuses this agent: {error}")


async def _run(flags: AgentFlags, address: Address, info: AgentInfo, secure: Tls | None) -> None:
    clock = LoopClock()
    began = clock.now()
    outputs = limits(flags.container_logger, flags.modules)
    api = ExecutorApi(flags.http_heartbeat_interval)
    tokens = executor_tokens(flags)
    asked = authentication(flags, tokens)
    containers = Containers(flags, address, api, tokens)
    settings = Settings(
        ip=address.ip,
        registration_timeout=flags.executor_registration_timeout,
        reregistration_timeout=flags.executor_reregistration_timeout,
        shutdown_grace_period=flags.executor_shutdown_grace_period,
        max_completed_executors=flags.max_completed_executors_per_framework,
        switch_user=flags.switch_user,
        acls=flags.acls,
    )
    for warning in secure.warnings if secure else ():
        log.warning("%s", warning)
    journal = Journal(flags.work_dir, _abort)
    agent = Agent(info, settings, clock, Durable(containers, journal), journal)
    master = MasterLink(
        flags.master,
        flags.registration_backoff_factor,
        agent,
        clock,
        flags.zk_session_timeout,
        headers_to_master(flags),
        secure.client if secure else None,
    )
    containers.agent = api.agent = agent
    containers.master = master
    parents = partial(parent, agent, address.ip)
    nested = NestedContainers(
        parents, containers.fetcher.fetch, flags.work_dir, address.ip, switch_user=flags.switch_user
    )
    containers.nested = nested
    collector = Collector(flags.work_dir, flags.gc_delay, flags.gc_disk_headroom, clock, agent.ledger, journal)
    recovered: dict[str, float] = {}

    def metrics() -> dict[str, float]:
        return containers.fetcher.metrics() | collector.metrics() | recovered

    gate = Gate(PREFIX)
    app = application(PREFIX, routes(agent, api, nested, flags, address, clock, containers.usage, metrics))
    app.middlewares.extend((asked.middleware(), gate.middleware()))
    runner = await serve(app, address.listen_ip, address.listen_port, secure.server if secure else None)
    log.info("Agent on %s:%d with %s", address.listen_ip, address.listen_port, info.hostname)
    try:
        found = await asyncio.to_thread(take_over, flags, info)
        _recover(flags, agent, nested, found)
        recovered["slave/recovery_errors"] = float(found.errors)
        if flags.recover != CLEANUP:
            containers.start()
            gate.is_open = True
            recovered["slave/recovery_time_secs"] = clock.now() - began
            chores = (collector.run(flags.disk_watch_interval), keep_bounded(outputs, agent.ledger.directories))
            await _serve(flags, agent, containers, master, *chores)
        else:
            await _clean_up(flags, agent, containers)
    finally:
        await runner.cleanup()
        await containers.close()
        journal.close()


def _recover(flags: AgentFlags, agent: Agent, nested: NestedContainers, found: Found) -> None:
    """Go on from what the agent before this one left. Raises OSError."""
    agent.checkpointed, agent.starts = found.resources, found.starts
    keep_volumes(flags.work_dir, (), found.resources)
    if found.info:
        agent.recover(found)
    nested.recover({executor.container_id for _, executor in agent.ledger.executors() if executor.pid is not None})
    kill_orphans(flags.work_dir, agent.ledger.directories())


async def _serve(
    flags: AgentFlags,
    agent: Agent,
    containers: Containers,
    master: MasterLink,
    *work: Coroutine[Any, Any, None],
) -> None:
    """Work for the master until a signal ends this, and at whatever else there is. Raises RefusedError."""
    connection = asyncio.create_task(connect(agent, master))
    chores = [asyncio.create_task(each) for each in work]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, connection.cancel)
    loop.add_signal_handler(signal.SIGUSR1, _leave, flags, containers, master, connection)
    try:
        with suppress(asyncio.CancelledError):
            await connection
    except RefusedError:
        containers.destroy_all()
        forget(flags.work_dir)
        raise
    finally:
        for chore in chores:
            chore.cancel()


async def connect(agent: Agent, master: MasterLink) -> None:
    """Register once it is known what runs here."""
    while agent.missing:
        await asyncio.sleep(_RECOVERY_POLL_SECONDS)
    await master.run()


async def _clean_up(flags: AgentFlags, agent: Agent, containers: Containers) -> None:
    """End the executors of the agent before this one; the next agent is a new one."""
    containers.destroy_all()
    while agent.missing:
        await asyncio.sleep(_RECOVERY_POLL_SECONDS)
    forget(flags.work_dir)


def _leave(flags: AgentFlags, containers: Containers, master: MasterLink, connection: asyncio.Task[None]) -> None:
    """Tell the master that this agent is gone for good, and end its tasks."""
    master.send(internal.Unregister())
    containers.destroy_all()
    forget(flags.work_dir)
    asyncio.get_running_loop().call_later(1.0, connection.cancel)


def _abort(error: Exception) -> None:
    """Stop at once, before anything is seen outside that was not written down. Executors go on."""
    log.critical("Cannot write a checkpoint: %s", error)
    os._exit(1)
