"""TCP connections that begin on a host of the cluster, for a controller that cannot reach the hosts' ports itself.

A channel of the SSH connection to a host (`direct-tcpip`, RFC 4254 7.2) becomes a socket: two threads carry the bytes
between the channel and one end of a socket pair, so that TLS and HTTP see what they know.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from paramiko import Channel, ChannelException, SSHException

from mesosctl.inventory.model import Cluster, Host
from mesosctl.transport.errors import TransportError
from mesosctl.transport.ssh import SshConnection, SshTransport

CHUNK = 65536
PROHIBITED, CONNECT_FAILED = 1, 2
"""Why a server opens no channel, RFC 4254 5.1."""


class Forwarder:
    """Dials from the hosts of a cluster: from the host that is meant, or from `entry` to what is none of them."""

    def __init__(self, cluster: Cluster, entry: Host) -> None:
        self._cluster = cluster
        self._entry = entry
        self._transport = SshTransport(cluster)
        self._connections: dict[str, SshConnection] = {}

    def dial(self, host: str, port: int) -> socket.socket:
        """A connection to a port of a host, which is named or given by its address. Raises TransportError."""
        known = next((each for each in self._cluster.hosts if host in (each.name, each.address)), None)
        via = known or self._entry
        if via.name not in self._connections:
            self._connections[via.name] = self._transport.connect(via)
        target = known.address if known else host
        try:
            channel = self._connections[via.name].channel(target, port)
        except ChannelException as error:
            raise _refused(error, via, target, port) from None
        except SSHException as error:
            raise TransportError("connection-lost", f"the connection was lost ({error})", host=via.name) from None
        return _socket(channel)

    def close(self) -> None:
        self._transport.close()


def _refused(error: ChannelException, via: Host, target: str, port: int) -> TransportError:
    fix = "is it running there?"
    if error.code == PROHIBITED:
        fix = f"allow forwarding (AllowTcpForwarding) on {via.name}"
    cause = "refused" if error.code == CONNECT_FAILED else "unreachable"
    return TransportError(cause, f"cannot connect to {target} port {port} ({error.text})", host=via.name, fix=fix)


def _socket(channel: Channel) -> socket.socket:
    """One end of a pair whose other end is the channel; closing it closes the channel."""
    ours, theirs = socket.socketpair()

    def outwards() -> None:
        with suppress(OSError, SSHException):
            while data := theirs.recv(CHUNK):
                channel.sendall(data)
            channel.shutdown_write()

    def inwards() -> None:
        with suppress(OSError, SSHException):
            while data := channel.recv(CHUNK):
                theirs.sendall(data)
        with suppress(OSError):
            theirs.shutdown(socket.SHUT_RDWR)  # wakes the other thread
        channel.close()

    for carry in (outwards, inwards):
        threading.Thread(target=carry, daemon=True).start()
    return ours
