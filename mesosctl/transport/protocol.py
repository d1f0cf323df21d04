"""Paramiko's SSH protocol, set up for many short sessions at once.

Only documented points of extension are used: the transport's and the packetizer's class, the policy for host keys.
"""

from __future__ import annotations

import logging
from typing import Any

from paramiko import Channel, Message, Transport
from paramiko.common import cMSG_CHANNEL_REQUEST, cMSG_GLOBAL_REQUEST
from paramiko.packet import Packetizer

from mesosctl.transport.wire import STALL, Stream, Wire

logging.getLogger("paramiko").addHandler(logging.NullHandler())

RSA = "ssh-rsa"
RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")
"""How an ssh-rsa key signs today; SHA-1 is not accepted."""


class QuietPacketizer(Packetizer):
    """Leaves the time limit of the handshake to the wire, which needs no timer thread for it."""

    def start_handshake(self, timeout: float) -> None: ...

    def handshake_timed_out(self) -> bool:
        return False

    def complete_handshake(self) -> None: ...


class SshProtocol(Transport):
    """A Paramiko transport over a `Wire`."""

    def __init__(self, stream: Stream, patience: float, key_types: list[str]) -> None:
        """`key_types`: types of the host keys that are stored for this server, to be negotiated first."""
        self.wire = Wire(stream, patience)
        super().__init__(self.wire, packetizer_class=QuietPacketizer)  # type: ignore[arg-type]
        self.banner_timeout = patience * 2
        self.auth_timeout = patience * 3
        self.channel_timeout = STALL
        self._prefer(key_types)

    def _prefer(self, key_types: list[str]) -> None:
        options = self.get_security_options()
        stored = [name for key in key_types for name in (RSA_SIGNATURES if key == RSA else (key,))]
        known = [name for name in stored if name in options.key_types]
        options.key_types = [*known, *(name for name in options.key_types if name not in known)]
        # Ciphers that authenticate what they encrypt come first: Paramiko compares other MACs byte by byte in Python.
        options.ciphers = sorted(options.ciphers, key=lambda name: "gcm" not in name)

    def _log(self, level: int, msg: Any, *args: Any) -> None:
        """Nobody reads Paramiko's log; what matters arrives as an exception."""

    def execute(self, channel: Channel, command: str) -> None:
        """Ask for a command without waiting for the answer: a refusal closes the channel."""
        request = Message()
        request.add_byte(cMSG_CHANNEL_REQUEST)
        request.add_int(channel.remote_chanid)
        request.add_string("exec")
        request.add_boolean(True)
        request.add_string(command)
        self._send_user_message(request)  # type: ignore[attr-defined]

    def ping(self) -> None:
        """Ask for any answer, and do not wait for it: a peer that lives will be heard on the wire."""
        request = Message()
        request.add_byte(cMSG_GLOBAL_REQUEST)
        request.add_string("keepalive@openssh.com")
        request.add_boolean(True)
        self._send_user_message(request)  # type: ignore[attr-defined]
