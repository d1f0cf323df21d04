"""The program mesos-master."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import uuid

from msgspec.structs import replace

from mesosctl.runtime.coordination.address import parse_zookeeper
from mesosctl.runtime.coordination.detection import ip_number
from mesosctl.runtime.coordination.election import Election
from mesosctl.runtime.coordination.registry import MemoryStorage, Storage
from mesosctl.runtime.coordination.registry_file import FileStorage
from mesosctl.runtime.coordination.registry_zookeeper import ZooKeeperStorage
from mesosctl.runtime.flags.master import MasterFlags
from mesosctl.runtime.flags.program import fail, log_to, start
from mesosctl.runtime.http.address import Address, resolve
from mesosctl.runtime.http.server import application, serve
from mesosctl.runtime.master import endpoints, whitelist
from mesosctl.runtime.master.allocation_flags import allocation_options, rate_limits, roles, weights
from mesosctl.runtime.master.leadership import Leadership
from mesosctl.runtime.master.options import MasterOptions
from mesosctl.runtime.master.security import authentication
from mesosctl.runtime.master.server import Server
from mesosctl.runtime.protocol import basics
from mesosctl.runtime.protocol.cluster import MasterInfo
from mesosctl.runtime.tls import Tls, tls
from mesosctl.runtime.version import VERSION

PROGRAM = "mesos-master"
COLLECT_AFTER = 50_000
"""New objects. Most of a master's objects stay: looking through them for garbage took a third of its time."""
log = logging.getLogger(PROGRAM)


def main() -> None:
    flags, warnings = start(MasterFlags, PROGRAM)
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    try:
        log_to(PROGRAM, flags.log_dir, flags.logging_level, quiet=flags.quiet)
        address = resolve(
            flags.ip,
            flags.port,
            flags.hostname,
            lookup=flags.hostname_lookup,
            advertise_ip=flags.advertise_ip,
            advertise_port=flags.advertise_port,
        )
        for warning in warnings:
            log.warning("%s", warning)
        asyncio.run(run(flags, address, tls(os.environ)))
    except (OSError, ValueError) as error:
        fail(f"Cannot start: {error}")


async def run(flags: MasterFlags, address: Address, secure: Tls | None) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError where the port cannot be had, ValueError for a bad flag."""
    its_options = options(flags, address)
    election = None
    if flags.zk:
        election = Election(parse_zookeeper(flags.zk), its_options.info, flags.zk_session_timeout)
    for warning in secure.warnings if secure else ():
        log.warning("%s", warning)
    server = Server(its_options, storage(flags, election))
    leadership = Leadership(server.master, election)
    server.guard = leadership.guard
    app = application(
        "/master", [*server.routes(), *endpoints.routes(server, flags.shown(), secure.client if secure else None)]
    )
    app.middlewares.append(authentication(flags).middleware())
    app.middlewares.append(leadership.middleware())
    runner = await serve(app, address.listen_ip, address.listen_port, secure.server if secure else None)
    log.info("Master %s listens on %s:%d", its_options.info.id, address.listen_ip, address.listen_port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    parts = [asyncio.create_task(leadership.run(server.storage)), asyncio.create_task(stop.wait())]
    if election:
        parts.append(asyncio.create_task(election.run()))
    if flags.whitelist:
        parts.append(asyncio.create_task(whitelist.watch(flags.whitelist, server.master.set_whitelist)))
    ended, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
    for part in ended:
        part.result()
    server.close()
    for part in parts:
        part.cancel()
    await asyncio.wait(parts)
    await server.storage.close()
    await runner.cleanup()


def storage(flags: MasterFlags, election: Election | None) -> Storage:
    """Where the flags say that the registry is kept. Raises ValueError."""
    if flags.registry == "in_memory":
        return MemoryStorage()
    if flags.registry != "replicated_log":
        raise ValueError(f"'{flags.registry}' is not a supported option for registry persistence")
    if election is not None:
        return ZooKeeperStorage(election.session, election.url.path)
    if flags.work_dir is None:
        raise ValueError("--work_dir needed for replicated log based registry")
    return FileStorage(flags.work_dir)


def options(flags: MasterFlags, address: Address) -> MasterOptions:
    return MasterOptions(
        info=replace(master_info(address), domain=flags.domain),
        allocation=allocation_options(flags),
        offer_timeout=flags.offer_timeout,
        agent_ping_timeout=flags.agent_ping_timeout,
        max_agent_ping_timeouts=flags.max_agent_ping_timeouts,
        agent_reregister_timeout=flags.agent_reregister_timeout,
        agent_removal_interval=flags.agent_removal_rate_limit or 0.0,
        recovery_agent_removal_limit=flags.recovery_agent_removal_limit,
        registry_fetch_timeout=flags.registry_fetch_timeout,
        registry_store_timeout=flags.registry_store_timeout,
        registry_gc_interval=flags.registry_gc_interval,
        registry_max_agent_age=flags.registry_max_agent_age,
        registry_max_agent_count=flags.registry_max_agent_count,
        max_completed_frameworks=flags.max_completed_frameworks,
        max_completed_tasks_per_framework=flags.max_completed_tasks_per_framework,
        max_unreachable_tasks_per_framework=flags.max_unreachable_tasks_per_framework,
        root_submissions=flags.root_submissions,
        roles=roles(flags.roles),
        weights=weights(flags.weights),
        rate_limits=rate_limits(flags.rate_limits),
        regex_size=flags.offer_constraints_re2_max_program_size,
        require_agent_domain=flags.require_agent_domain,
        acls=flags.acls,
    )


def master_info(address: Address) -> MasterInfo:
    """Who this master is, under a new id. `ip` is in network order, as clients expect it."""
    kinds = MasterInfo.Capability.Type
    return MasterInfo(
        id=str(uuid.uuid4()),
        ip=ip_number(address.ip),
        port=address.port,
        pid=f"master@{address.ip}:{address.port}",
        hostname=address.hostname,
        version=VERSION,
        address=basics.Address(hostname=address.hostname, ip=address.ip, port=address.port),
        capabilities=tuple(
            MasterInfo.Capability(type=kind) for kind in (kinds.AGENT_UPDATE, kinds.AGENT_DRAINING, kinds.QUOTA_V2)
        ),
    )


if __name__ == "__main__":
    main()
