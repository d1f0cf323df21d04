"""Who leads: a stream of `MasterInfo` from ZooKeeper, or the one master that an address names.

In ZooKeeper the candidates are the children `json.info_…` of the path, with a MasterInfo as JSON; the lowest sequence
number leads; other children are passed over.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing

from mesosctl.runtime.coordination.address import HostPort, ZooKeeperUrl, parse_master
from mesosctl.runtime.coordination.session import KazooException, NoNodeError, Session
from mesosctl.runtime.protocol.basics import Address
from mesosctl.runtime.protocol.cluster import MasterInfo
from mesosctl.runtime.protocol.codec import decode
from mesosctl.runtime.protocol.errors import DecodeError

log = logging.getLogger(__name__)

LABEL = "json.info_"
SESSION_TIMEOUT_SECONDS = 10.0
RETRY_SECONDS = 1.0


async def detect(
    master: str, session_timeout: float = SESSION_TIMEOUT_SECONDS
) -> AsyncGenerator[MasterInfo | None, None]:
    """The leading master, again whenever that changes; None while nobody leads. It never ends.

    `master` is one of the forms of `coordination.address`; for host:port the answer never changes, and its `id` is
    empty. Where ZooKeeper cannot be reached for `session_timeout` seconds, nobody is known to lead. Close it
    (`contextlib.aclosing`) to end the session with ZooKeeper. Raises ValueError for a `master` that is not one of the
    forms, and OSError where its file cannot be read.
    """
    address = parse_master(master)
    if isinstance(address, HostPort):
        yield await _resolve(address)
        await asyncio.get_running_loop().create_future()
    else:
        async with aclosing(_leaders(address, session_timeout)) as leaders:
            async for leader in leaders:
                yield leader


def endpoint(master: MasterInfo) -> str:
    """Where a master serves its API: ip:port."""
    ip = master.address.ip if master.address and master.address.ip else _ip_text(master.ip)
    return str(HostPort(ip, master.address.port if master.address else master.port))


async def leader_at(session: Session, path: str, *, watch: bool) -> MasterInfo | None:
    """The candidate with the lowest number, now. With `watch` the session reports when that may have changed."""
    while True:
        try:
            names = await session.children(path, watch=watch)
            break
        except NoNodeError:
            if not watch or await session.exists(path, watch=True) is None:
                return None  # else it was made in between: what is watched now is not its children
    for name in candidates(names):
        try:
            content, _ = await session.get(f"{path}/{name}")
        except NoNodeError:
            continue  # it ended in between
        try:
            return decode(MasterInfo, content)
        except DecodeError as error:
            log.error("Cannot read the leading master's %s/%s: %s", path, name, error)
            return None
    return None


def candidates(names: list[str]) -> list[str]:
    """The names of candidates among the children of the path, the leader's first."""
    numbered = [(name.removeprefix(LABEL), name) for name in names if name.startswith(LABEL)]
    return [name for number, name in sorted((each for each in numbered if each[0].isdecimal()), key=_number)]


def _number(numbered: tuple[str, str]) -> int:
    return int(numbered[0])


async def _leaders(url: ZooKeeperUrl, session_timeout: float) -> AsyncGenerator[MasterInfo | None, None]:
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    session = Session(url, session_timeout, changed.set)
    session.start()
    known: MasterInfo | None = None
    is_told = False
    last_seen = loop.time()
    try:
        while True:
            changed.clear()
            try:
                leader = await leader_at(session, url.path, watch=True) if session.connected else known
            except KazooException as error:
                log.warning("Cannot ask ZooKeeper at %s who leads: %s", url.servers, _said(error))
                leader = known
                loop.call_later(RETRY_SECONDS, changed.set)
            if session.connected:
                last_seen = loop.time()
            left = last_seen + session_timeout - loop.time()
            if left <= 0:
                leader = None
            if (leader != known or not is_told) and (session.connected or left <= 0):
                known, is_told = leader, True
                yield leader
            await _wait(changed, None if session.connected or left <= 0 else left)
    finally:
        await session.close()


async def _wait(changed: asyncio.Event, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await changed.wait()
    except TimeoutError:
        pass


async def _resolve(address: HostPort) -> MasterInfo:
    """The master at an address, once its name can be looked up."""
    while True:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            break
        except OSError as error:
            log.warning("Cannot look up the master %s: %s", address, error)
            await asyncio.sleep(RETRY_SECONDS)
    ip = str(min(found, key=_prefer_ipv4)[4][0])
    return MasterInfo(
        id="",
        ip=ip_number(ip),
        port=address.port,
        hostname=address.host,
        pid=f"master@{HostPort(ip, address.port)}",
        address=Address(hostname=address.host, ip=ip, port=address.port),
    )


def _prefer_ipv4(found: tuple[socket.AddressFamily, object, object, object, object]) -> bool:
    return found[0] != socket.AF_INET


def ip_number(ip: str) -> int:
    """The `ip` of a MasterInfo: an IPv4 address as a number in network order; 0 for any other."""
    try:
        return int.from_bytes(ipaddress.IPv4Address(ip).packed, sys.byteorder)
    except ValueError:
        return 0


def _ip_text(number: int) -> str:
    return str(ipaddress.IPv4Address(number.to_bytes(4, sys.byteorder)))


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
