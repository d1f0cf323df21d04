"""The transport: Fabric connections on Paramiko, with host keys verified on every hop.

Fabric trusts any host key and builds plain connections for jump hosts; here every connection, bastions included, is
made by `SshTransport.open`, with a policy that knows only stored keys. What is costly is shared by all connections:
private keys, the agent, known_hosts tables, OpenSSH configurations, and the connection to a bastion.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import fabric
from paramiko import Channel, MissingHostKeyPolicy, PKey, SSHClient, SSHConfig

from mesosctl.inventory.model import Cluster, Host
from mesosctl.inventory.state import ClusterState
from mesosctl.transport import Completed
from mesosctl.transport.become import Root, put_script
from mesosctl.transport.endpoint import Endpoint, Endpoints
from mesosctl.transport.errors import TransportError
from mesosctl.transport.hostkey import HostKey
from mesosctl.transport.login import Keyring, Login
from mesosctl.transport.protocol import SshProtocol
from mesosctl.transport.reasons import explain
from mesosctl.transport.session import CHUNK, ConnectionLost, DeadlineExceeded, Lines, Session
from mesosctl.transport.trusted import Stored, TrustedKeys, judge
from mesosctl.transport.wire import Dialler, Stream, Wire

Judge = Callable[[Endpoint, Stored, HostKey], None]
"""Looks at the key that a server shows, given those that are stored; raises TransportError to refuse it."""

NO_ALIASES = SSHConfig()
"""What Fabric gets in place of ~/.ssh/config, which `Endpoints` has applied already."""


class SshTransport:
    """Opens connections to the hosts of a cluster; shared by all threads of a run."""

    def __init__(self, cluster: Cluster) -> None:
        state = ClusterState(cluster.state_dir)
        self._endpoints = Endpoints(cluster)
        self._trusted = TrustedKeys(state.known_hosts)
        self._keyring = Keyring(state.operator_key)
        self._dialler = Dialler()
        self._lock = threading.Lock()
        self._wires: set[Wire] = set()
        self._bastions: dict[tuple[Any, ...], Future[fabric.Connection]] = {}
        self.interrupted = False

    def connect(self, host: Host) -> SshConnection:
        """Connect and log in, host keys verified. Raises TransportError."""
        return SshConnection(self, host, self._open(self._endpoints.of(host), judge))

    def show_key(self, host: Host, met: Judge) -> None:
        """Ask a host for its key without logging in there; `met` is told of bastions on the way, then of the host.

        Raises TransportError, also what `met` raises.
        """

        def look(endpoint: Endpoint, stored: Stored, key: HostKey) -> None:
            met(endpoint, stored, key)
            if not endpoint.bastion:
                raise KeyShown

        with suppress(KeyShown):
            self.release(self._open(self._endpoints.of(host), look))

    def interrupt(self) -> None:
        """Make every blocked `connect`, `run` and `put` raise TransportError with the cause `interrupted`."""
        self.interrupted = True
        self._dialler.stop()
        self._hang_up()

    def close(self) -> None:
        """Close what is still open."""
        self._hang_up()
        self._keyring.close()

    def release(self, connection: fabric.Connection) -> None:
        """Close one connection."""
        protocol = connection.client.get_transport()
        if protocol is not None:
            with self._lock:
                self._wires.discard(protocol.wire)
        connection.client.close()

    def _hang_up(self) -> None:
        with self._lock:
            wires, self._wires = self._wires, set()
        for wire in wires:
            wire.close()

    def _open(self, endpoint: Endpoint, judge: Judge) -> fabric.Connection:
        stored = self._trusted.stored(endpoint)
        options: dict[str, Any] = {"auth_strategy": Login(endpoint, self._keyring)}
        gateway: fabric.Connection | bool = False  # False keeps Fabric from looking for one itself
        if endpoint.jump is not None:
            gateway = self._bastion(endpoint, endpoint.jump, judge)
        else:
            options["sock"] = self._dialler.dial(endpoint.host, endpoint.address, endpoint.port, endpoint.timeout)

        def start(stream: Stream, disabled_algorithms: object = None) -> SshProtocol:
            protocol = SshProtocol(stream, endpoint.timeout, [key.type for key in stored.keys])
            with self._lock:
                self._wires.add(protocol.wire)
            if self.interrupted:
                protocol.wire.close()
            return protocol

        connection = fabric.Connection(
            endpoint.address,
            user=endpoint.user,
            port=endpoint.port,
            gateway=gateway,
            config=fabric.Config(lazy=True, ssh_config=NO_ALIASES),
            connect_kwargs={"transport_factory": start, **options},
        )
        connection.client.set_missing_host_key_policy(Verify(lambda key: judge(endpoint, stored, key)))
        try:
            connection.open()
        except BaseException as error:
            protocol = connection.client.get_transport()
            self.release(connection)
            if self.interrupted:
                raise TransportError("interrupted", "interrupted while connecting", host=endpoint.host) from None
            if not isinstance(error, Exception) or isinstance(error, TransportError | KeyShown):
                raise
            raise explain(error, endpoint, silent=protocol is not None and protocol.wire.gave_up) from None
        connection.transport.wire.relax()
        return connection

    def _bastion(self, endpoint: Endpoint, jump: Endpoint, judge: Judge) -> fabric.Connection:
        """The connection to a bastion, one for all hosts behind it; those who wait share a failure too."""
        key = _identity(jump)
        with self._lock:
            future = self._bastions.get(key)
            mine = future is None or (future.done() and not future.result().is_connected)
            if future is None or mine:
                future = self._bastions[key] = Future()
        if mine:
            try:
                future.set_result(self._open(jump, judge))
            except BaseException as error:
                with self._lock:
                    del self._bastions[key]
                future.set_exception(error)
        try:
            return future.result()
        except TransportError as error:
            raise TransportError(
                error.cause, f"its bastion {jump.name}: {error.what}", host=endpoint.host, fix=error.fix
            ) from None


def _identity(endpoint: Endpoint | None) -> tuple[Any, ...]:
    """What makes two bastions the same: address and user, all the way."""
    if endpoint is None:
        return ()
    return (endpoint.address, endpoint.port, endpoint.user, endpoint.identities, *_identity(endpoint.jump))


class KeyShown(Exception):
    """The key is all that was wanted of the server."""


class Verify(MissingHostKeyPolicy):
    """Lets a function judge every host key; Paramiko's own tables stay empty."""

    def __init__(self, check: Callable[[HostKey], None]) -> None:
        self._check = check

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        self._check(HostKey(key.get_name(), key.asbytes(), "the server"))


class SshConnection:
    """An open connection to one host; used by one thread at a time."""

    def __init__(self, transport: SshTransport, host: Host, connection: fabric.Connection) -> None:
        self._transport = transport
        self._host = host
        self._connection = connection

    def run(self, program: str, on_line: Callable[[str], None], *, timeout: float) -> Completed:
        """Run a sh program as root; see `transport.Connection`."""
        lines = Lines(on_line)
        with self._session("exec sh -s", lines.feed, timeout) as session:
            session.send(program.encode())
            session.end_input()
            status = session.finish()
            lines.end()
            if status == -1:
                raise TransportError(
                    "shell",
                    f"root's shell was killed, or the host does not run commands ({session.errors.strip()})",
                    host=self._host.name,
                )
            return Completed(status, session.errors)

    def put(self, source: BinaryIO, path: str, *, timeout: float) -> None:
        """Write a seekable stream, from where it stands, to a file of root's (0600), by rename."""
        start = source.tell()
        size = source.seek(0, os.SEEK_END) - start
        source.seek(start)
        with self._session(put_script(path, size), lambda data: None, timeout) as session:
            while (data := source.read(CHUNK * 8)) and session.send(data):
                session.pump()
            session.end_input()
            if session.finish() != 0:
                full = "No space left" in session.errors
                raise TransportError(
                    "no-space" if full else "shell",
                    f"{path} could not be written: {session.errors.strip() or 'the host gave no reason'}",
                    host=self._host.name,
                    fix=f"make room for {size} bytes on the host" if full else None,
                )

    def channel(self, address: str, port: int) -> Channel:
        """A TCP connection that the host makes. Raises paramiko's ChannelException where it does not."""
        opened: Channel = self._connection.transport.open_channel("direct-tcpip", (address, port), ("127.0.0.1", 0))
        return opened

    def close(self) -> None:
        self._transport.release(self._connection)

    @contextmanager
    def _session(self, script: str, on_output: Callable[[bytes], None], timeout: float) -> Iterator[Session]:
        """A session in which root runs a script; its failures as TransportErrors."""
        root = Root(self._host, script)
        session: Session | None = None
        try:
            session = Session(self._connection.transport, root.command, on_output, time.monotonic() + timeout)
            early = root.enter(session)
            session.on_output = on_output
            if early:
                on_output(early)
            yield session
        except (DeadlineExceeded, ConnectionLost) as error:
            raise self._failure(error, timeout) from None
        finally:
            if session is not None:
                session.close()

    def _failure(self, error: Exception, timeout: float) -> TransportError:
        if self._transport.interrupted:
            return TransportError("interrupted", "interrupted while it was at work", host=self._host.name)
        if isinstance(error, DeadlineExceeded):
            return TransportError(
                "timeout",
                f"not finished within {timeout:g} s",
                host=self._host.name,
                fix="look at what the host is doing, and run it again",
            )
        return TransportError(
            "connection-lost",
            f"the connection was lost ({error})",
            host=self._host.name,
            fix="is the host up? Run it again: what is done already stays done",
        )
