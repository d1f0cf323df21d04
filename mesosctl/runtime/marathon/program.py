"""The program marathon: elected, it takes the store over, subscribes to the master and keeps apps running."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any, NoReturn

import msgspec
from aiohttp import web
from kazoo.exceptions import KazooException

from mesosctl.runtime.clock import LoopClock
from mesosctl.runtime.coordination.address import FILE_SCHEME, HostPort, ZooKeeperUrl, parse_zookeeper
from mesosctl.runtime.coordination.registry import DeposedError, MemoryStorage, Storage
from mesosctl.runtime.coordination.registry_file import FileStorage
from mesosctl.runtime.coordination.registry_zookeeper import ZooKeeperStorage
from mesosctl.runtime.flags.load import FlagError
from mesosctl.runtime.flags.program import log_to, name_process
from mesosctl.runtime.flags.usage import usage
from mesosctl.runtime.framework.errors import AbortedError, FrameworkError
from mesosctl.runtime.framework.scheduler import Scheduler
from mesosctl.runtime.http.address import ANY
from mesosctl.runtime.marathon.api.context import Context
from mesosctl.runtime.marathon.api.proxy import Proxy
from mesosctl.runtime.marathon.api.server import application
from mesosctl.runtime.marathon.api.subscriptions import HTTP_CALLBACK
from mesosctl.runtime.marathon.callbacks import Callbacks
from mesosctl.runtime.marathon.core.marathon import Marathon
from mesosctl.runtime.marathon.driver import drive
from mesosctl.runtime.marathon.events import Bus
from mesosctl.runtime.marathon.flags import UNKNOWN_FLAG_STATUS, MarathonFlags, load
from mesosctl.runtime.marathon.leader import Leadership, LostLeadershipError
from mesosctl.runtime.marathon.options import credential, framework_info, options
from mesosctl.runtime.marathon.outside import Effects
from mesosctl.runtime.marathon.probes import Prober
from mesosctl.runtime.marathon.store.writer import Writer
from mesosctl.runtime.marathon.tls import client_context, server_context
from mesosctl.runtime.marathon.version import VERSION
from mesosctl.runtime.tls import client

PROGRAM = "marathon"
log = logging.getLogger(PROGRAM)

ZOOKEEPER_FAILED, LOST_LEADERSHIP, REFUSED_BY_MASTER, FAILED = 101, 103, 106, 107
"""Exit statuses, Marathon's."""
_LEVELS = {"off": "ERROR", "fatal": "ERROR", "error": "ERROR", "warn": "WARNING"}
_REMOVED = "removed"
"""In what a master says to a framework that was torn down, or was away for too long."""


def main() -> None:
    arguments = sys.argv[1:]
    if "--help" in arguments:
        sys.stdout.write(usage(MarathonFlags, PROGRAM))
        sys.exit(0)
    if "--version" in arguments:
        sys.stdout.write(f"{VERSION}\n")
        sys.exit(0)
    name_process(PROGRAM)
    try:
        flags, warnings = load(arguments, os.environ)
    except FlagError as error:
        _fail(f"{error}\n\n{usage(MarathonFlags, PROGRAM)}", UNKNOWN_FLAG_STATUS)
    log_to(PROGRAM, None, _LEVELS.get(flags.logging_level, "INFO"), quiet=False)
    for warning in warnings:
        log.warning("%s", warning)
    try:
        asyncio.run(run(flags))
    except LostLeadershipError as error:
        _fail(str(error), LOST_LEADERSHIP)
    except FrameworkError as error:
        _fail(f"The master refuses this framework: {error}", REFUSED_BY_MASTER)
    except (DeposedError, KazooException, PermissionError) as error:
        _fail(f"Cannot keep state: {error!r}", ZOOKEEPER_FAILED)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        _fail(f"Cannot start: {error}", FAILED)


async def run(flags: MarathonFlags) -> None:
    """Until SIGTERM or SIGINT. Raises LostLeadershipError, and what else ends it."""
    zookeeper = _zookeeper(flags)
    port = flags.http_port if flags.http else flags.https_port
    own = HostPort(flags.hostname or socket.gethostname(), port)
    leadership = Leadership(own, zookeeper if flags.ha else None, flags.zk_session_timeout / 1000)
    writer = Writer(_storage(flags, zookeeper, leadership), flags.zk_max_versions)
    bus = Bus()
    context = Context(flags, leadership, bus, writer, Callbacks(bus))
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(_proxy(flags, leadership))
        runner = await _serve(flags, application(context, proxy))
        stack.push_async_callback(runner.cleanup)
        stack.callback(context.bus.close)
        log.info("Marathon listens as %s", leadership.own)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        parts: list[Coroutine[Any, Any, object]] = [stop.wait(), _lead(context)]
        if leadership.election:
            parts.append(leadership.election.run())
        await _first(parts)


async def _lead(context: Context) -> None:
    """From the election on. Never returns."""
    flags, leadership, writer = context.flags, context.leadership, context.writer
    await leadership.wait()
    await writer.open()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(writer.close)
        prober = await stack.enter_async_context(Prober())
        info = framework_info(flags, leadership.own, writer.archive.framework_id)
        master = flags.master.removeprefix("http://").rstrip("/")
        tls = client(os.environ)
        scheduler = Scheduler(
            master, info, credential=credential(flags), tls=tls.context if tls else None, acknowledge=False
        )
        effects = Effects(scheduler, writer, context.bus, prober)
        marathon = Marathon(options(flags), LoopClock(), effects)
        effects.probed = marathon.probed
        marathon.start(writer.archive.snapshot())
        await stack.enter_async_context(scheduler)
        context.core = marathon
        leadership.ready = True
        log.info("This Marathon leads")
        try:
            parts = [writer.run(), effects.run(), leadership.hold(), drive(scheduler, marathon, context)]
            if flags.event_subscriber == HTTP_CALLBACK:
                urls = [each.strip() for each in (flags.http_endpoints or "").split(",") if each.strip()]
                parts.append(context.callbacks.run([*dict.fromkeys([*urls, *writer.archive.subscribers])]))
            await _first(parts)
        except AbortedError as error:
            if _REMOVED in str(error):
                await _forget_framework(writer)
            raise
        finally:
            leadership.ready = False


async def _forget_framework(writer: Writer) -> None:
    """Its tasks are gone with it: the next Marathon registers as a new one."""
    writer.write(writer.archive.subscribed(None), lambda: None)
    await _first([writer.run(), writer.flush()])


async def _first(parts: Sequence[Coroutine[Any, Any, object]]) -> None:
    """Until one of them ends; raises what it raises. The others are ended."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _zookeeper(flags: MarathonFlags) -> ZooKeeperUrl | None:
    """Raises ValueError."""
    if flags.zk.startswith(FILE_SCHEME) or flags.internal_store_backend == "mem":
        if flags.ha:
            raise ValueError("Without ZooKeeper there is one Marathon alone: give --disable_ha")
        return None
    return parse_zookeeper(flags.zk)


def _storage(flags: MarathonFlags, zookeeper: ZooKeeperUrl | None, leadership: Leadership) -> Storage:
    if flags.internal_store_backend == "mem":
        return MemoryStorage()
    if zookeeper is None:
        return FileStorage(flags.zk.removeprefix(FILE_SCHEME))
    if leadership.election is None:
        raise ValueError("With --disable_ha state is kept in a file (--zk file:///directory) or nowhere")
    return ZooKeeperStorage(leadership.election.session, zookeeper.path)


def _proxy(flags: MarathonFlags, leadership: Leadership) -> Proxy:
    tls: ssl.SSLContext | None = None
    if not flags.http:
        tls = client_context(
            flags.ssl_keystore_path,
            flags.ssl_keystore_password,
            ignore_hostname=flags.leader_proxy_ssl_ignore_hostname,
        )
    return Proxy(
        leadership,
        "http" if tls is None else "https",
        flags.leader_proxy_connection_timeout / 1000,
        flags.leader_proxy_read_timeout / 1000,
        tls,
    )


async def _serve(flags: MarathonFlags, app: web.Application) -> web.AppRunner:
    """Raises OSError where a port cannot be had, ValueError where nothing is to be served."""
    if not flags.http and flags.ssl_keystore_path is None:
        raise ValueError("--disable_http needs --ssl_keystore_path")
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        handler_cancellation=True,
        shutdown_timeout=1.0,
        auto_decompress=False,  # compressed bodies are refused
    )
    await runner.setup()
    try:
        if flags.http:
            await web.TCPSite(runner, flags.http_address or ANY, flags.http_port).start()
        if flags.ssl_keystore_path is not None:
            tls = server_context(flags.ssl_keystore_path, flags.ssl_keystore_password)
            await web.TCPSite(runner, flags.https_address or ANY, flags.https_port, ssl_context=tls).start()
    except (OSError, ValueError):
        await runner.cleanup()
        raise
    return runner


def _fail(text: str, status: int) -> NoReturn:
    """Say why, and end at once: what is not written by now has not happened."""
    log.critical("%s", text)
    logging.shutdown()
    os._exit(status)
