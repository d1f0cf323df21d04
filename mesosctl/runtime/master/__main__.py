"""The program mesos-master."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import sys
import uuid

from mesosctl.runtime.flags.master import MasterFlags
from mesosctl.runtime.flags.program import fail, log_to, start
from mesosctl.runtime.http.address import Address, resolve
from mesosctl.runtime.http.server import application, serve
from mesosctl.runtime.master import endpoints
from mesosctl.runtime.master.options import MasterOptions
from mesosctl.runtime.master.server import Server
from mesosctl.runtime.protocol import basics
from mesosctl.runtime.protocol.cluster import MasterInfo
from mesosctl.runtime.version import VERSION

PROGRAM = "mesos-master"
log = logging.getLogger(PROGRAM)


def main() -> None:
    flags, warnings = start(MasterFlags, PROGRAM)
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
        asyncio.run(run(flags, address))
    except OSError as error:
        fail(f"Cannot start: {error}")


async def run(flags: MasterFlags, address: Address) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError where the port cannot be had."""
    server = Server(options(flags, address))
    state = server.master.state
    runner = await serve(
        application("/master", [*server.routes(), *endpoints.routes(server, flags.shown())]),
        address.listen_ip,
        address.listen_port,
    )
    server.master.start()
    log.info("Master %s listens on %s:%d", state.options.info.id, address.listen_ip, address.listen_port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    server.close()
    await runner.cleanup()


def options(flags: MasterFlags, address: Address) -> MasterOptions:
    return MasterOptions(
        info=master_info(address),
        allocation_interval=flags.allocation_interval,
        offer_timeout=flags.offer_timeout,
        agent_ping_timeout=flags.agent_ping_timeout,
        max_agent_ping_timeouts=flags.max_agent_ping_timeouts,
        max_completed_frameworks=flags.max_completed_frameworks,
        max_completed_tasks_per_framework=flags.max_completed_tasks_per_framework,
        max_unreachable_tasks_per_framework=flags.max_unreachable_tasks_per_framework,
        root_submissions=flags.root_submissions,
    )


def master_info(address: Address) -> MasterInfo:
    """Who this master is, under a new id. `ip` is in network order, as clients expect it."""
    kinds = MasterInfo.Capability.Type
    return MasterInfo(
        id=str(uuid.uuid4()),
        ip=int.from_bytes(ipaddress.IPv4Address(address.ip).packed, sys.byteorder),
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
