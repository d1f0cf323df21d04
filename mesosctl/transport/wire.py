"""Sockets the way SSH with many hosts needs them: dialled with a named failure, read in large pieces, quiet when idle.

`Wire` stands between Paramiko and a TCP socket (or a bastion's forwarded channel). Paramiko reads a packet in two or
three small pieces and wakes up every 0.1 s to look around; behind a `Wire` that is one system call per burst and one
wake-up per minute. It also gives up on a peer that stays silent during login, and it can be closed from any thread,
which ends every blocked read and write at once.
"""

from __future__ import annotations

import contextlib
import errno
import queue
import resource
import socket
import threading
import time
from typing import Any, Protocol

from paramiko import SSHException

from mesosctl.transport.errors import TransportError

CHUNK = 65536
"""Bytes asked of the kernel in one read."""
TICK = 60.0
"""Seconds after which an idle reader wakes up once."""
STALL = 60.0
"""Seconds after which a peer that takes no data, or does not answer at all, counts as lost."""
FILES = 65536
"""Open files asked for, as far as the system allows."""
QUICKACK: int = getattr(socket, "TCP_QUICKACK", 0)
"""Linux only."""

AddressInfo = tuple[Any, ...]
"""An entry of socket.getaddrinfo."""


class Stream(Protocol):
    """What a socket and a Paramiko channel have in common."""

    def recv(self, size: int, /) -> bytes: ...
    def send(self, data: bytes, /) -> int: ...
    def settimeout(self, timeout: float | None, /) -> None: ...
    def close(self) -> None: ...


class SilentPeer(OSError):
    """The peer said nothing for as long as a login may take. No TimeoutError: Paramiko would try again."""


class Wire:
    """A buffered stream with a patience. Paramiko takes it for a socket."""

    def __init__(self, stream: Stream, patience: float) -> None:
        """`patience`: seconds of silence after which a read fails; `relax` lifts the limit after login."""
        self._stream = stream
        self._tcp = stream if isinstance(stream, socket.socket) else None
        self._patience: float | None = patience
        self._buffer = b""
        self._offset = 0
        self._closed = False
        self.gave_up = False
        """Whether a read failed because of silence."""
        self.heard = time.monotonic()
        """When bytes arrived last."""
        stream.settimeout(patience)

    def relax(self) -> None:
        """The login is done: from now on silence is normal."""
        self._patience = None
        self._stream.settimeout(TICK)

    def recv(self, size: int) -> bytes:
        if not self._buffer:
            self._fill()
        start, self._offset = self._offset, self._offset + size
        piece = self._buffer[start : self._offset]
        if self._offset >= len(self._buffer):
            self._buffer = b""  # an idle connection holds on to nothing
        return piece

    def _fill(self) -> None:
        try:
            self._buffer = self._stream.recv(CHUNK)
        except TimeoutError:
            if self._patience is None:
                raise
            self.gave_up = True
            raise SilentPeer(errno.ETIMEDOUT, "no answer") from None
        self._offset = 0
        self.heard = time.monotonic()
        if self._tcp is not None and QUICKACK and not self._closed:
            # The kernel falls back to delayed acknowledgements by itself; each costs a 40 ms stall of the peer.
            self._tcp.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)

    def send(self, data: bytes) -> int:
        started = time.monotonic()
        while True:
            try:
                return self._stream.send(data)
            except TimeoutError:
                if self._closed or time.monotonic() - started >= STALL:
                    raise ConnectionResetError(errno.ETIMEDOUT, "the peer takes no data") from None

    def close(self) -> None:
        """Ends every blocked read and write."""
        if self._closed:
            return
        self._closed = True
        if self._tcp is not None:
            hang_up(self._tcp)
        else:
            # a channel of the bastion's connection, which may have ended first
            with contextlib.suppress(SSHException, EOFError, OSError):
                self._stream.close()

    def settimeout(self, timeout: float | None) -> None:
        """Paramiko's wish for 0.1 s is not followed; see the module."""

    def getpeername(self) -> object:
        return self._tcp.getpeername() if self._tcp is not None else ("", 0)


def hang_up(sock: socket.socket) -> None:
    """Close a socket that other threads may be blocked on: shutdown wakes them, close alone does not."""
    with contextlib.suppress(OSError):  # not connected yet, or the peer was quicker
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


class Dialler:
    """Makes TCP connections that another thread can call off."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dialling: set[socket.socket] = set()
        # A connection per host stays open for the whole run, and the usual limit is 1,024 files.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, FILES)), hard))
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Every `dial`, running or to come, fails with the cause `interrupted`."""
        self._stopped.set()
        with self._lock:
            pending = list(self._dialling)
        for sock in pending:
            hang_up(sock)

    def dial(self, host: str, address: str, port: int, timeout: float) -> socket.socket:
        """Connect to `address`, trying all that a name resolves to. `timeout`: seconds, for each of them.

        Raises TransportError: unresolvable, refused, unreachable, timeout, interrupted. `host` is named in it.
        """
        failure: OSError | None = None
        for target in self._resolve(host, address, port, timeout):
            try:
                return self._connect(target, timeout)
            except OSError as error:
                failure = error
            self._check_stopped(host)
        assert failure is not None
        raise _unconnected(host, address, port, timeout, failure)

    def _connect(self, target: AddressInfo, timeout: float) -> socket.socket:
        family, kind, protocol, _, where = target
        sock = socket.socket(family, kind, protocol)
        with self._lock:
            self._dialling.add(sock)
        try:
            if self._stopped.is_set():
                raise OSError(errno.ECANCELED, "interrupted")
            sock.settimeout(timeout)
            sock.connect(where)
            _tune(sock)
        except BaseException:
            sock.close()
            raise
        finally:
            with self._lock:
                self._dialling.discard(sock)
        return sock

    def _resolve(self, host: str, address: str, port: int, timeout: float) -> list[AddressInfo]:
        """What a name stands for. The resolver cannot be called off: a name is left to a thread."""
        try:
            return _addresses(address, port, socket.AI_NUMERICHOST)
        except (socket.gaierror, UnicodeError):
            pass  # a name
        answer: queue.SimpleQueue[list[AddressInfo] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answer.put(_addresses(address, port, 0))
            except (OSError, UnicodeError) as error:
                answer.put(error)

        threading.Thread(target=ask, daemon=True).start()
        deadline = time.monotonic() + timeout
        found: list[AddressInfo] | Exception = TimeoutError("the name service does not answer")
        while time.monotonic() < deadline:
            self._check_stopped(host)
            with contextlib.suppress(queue.Empty):
                found = answer.get(timeout=0.5)
                break
        if isinstance(found, Exception):
            reason = found.strerror if isinstance(found, OSError) and found.strerror else str(found)
            raise TransportError(
                "unresolvable",
                f"the name {address} does not resolve ({reason})",
                host=host,
                fix="correct the host's address in the inventory, or the name service of this machine",
            )
        return found

    def _check_stopped(self, host: str) -> None:
        if self._stopped.is_set():
            raise TransportError("interrupted", "interrupted while connecting", host=host)


def _addresses(address: str, port: int, flags: int) -> list[AddressInfo]:
    return socket.getaddrinfo(address, port, socket.AF_UNSPEC, socket.SOCK_STREAM, 0, flags)


def _tune(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A host that lost its power does not say goodbye: the kernel asks after 15 s of silence, and gives up after STALL.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", 15),
        ("TCP_KEEPINTVL", 15),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", int(STALL * 1000)),
    ):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _unconnected(host: str, address: str, port: int, timeout: float, error: OSError) -> TransportError:
    where = f"{address} port {port}"
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return TransportError(
            "timeout",
            f"no answer from {where} within {timeout:g} s",
            host=host,
            fix="is the host up, and does a firewall drop packets to this port? ssh.connect_timeout sets the limit",
        )
    if isinstance(error, ConnectionRefusedError):
        return TransportError(
            "refused",
            f"{where} refused the connection",
            host=host,
            fix="start sshd on the host, or correct ssh.port in the inventory",
        )
    return TransportError(
        "unreachable",
        f"{where} cannot be reached ({error.strerror or error})",
        host=host,
        fix="check the address, and the route from this machine to it (a bastion is named with ssh.jump)",
    )
