"""One command on one SSH channel: input and both outputs pumped by the calling thread, without a deadlock.

The remote may write before it has read all its input, and it may write to both streams; so nothing here waits for one
of them alone. Waiting is event-driven, and a peer that has gone silent is asked for a sign of life.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from paramiko import Channel, SSHException

from mesosctl.transport.protocol import SshProtocol
from mesosctl.transport.wire import STALL

CHUNK = 32768
PING = 15.0
"""Seconds of silence after which the peer is asked for a sign of life."""
AFTER_EXIT = 1.0
"""Seconds in which output may still come from a program that has ended; a daemon it started may hold it open."""
SEND_SLICE = 0.25
"""Seconds for which sending may block before the outputs are looked at again."""
ERRORS_KEPT = 4096


class DeadlineExceeded(Exception):
    """The time given to a session is over."""


class ConnectionLost(Exception):
    """The connection ended, or the peer gives no sign of life."""


class Session:
    """A running remote command. `on_output` gets the pieces of its standard output."""

    def __init__(
        self, protocol: SshProtocol, command: str, on_output: Callable[[bytes], None], deadline: float
    ) -> None:
        """`deadline` is a reading of time.monotonic(). Raises DeadlineExceeded, ConnectionLost."""
        self._protocol = protocol
        self.deadline = deadline
        self.on_output = on_output
        self._errors = b""
        self._changed = threading.Event()
        try:
            self._channel: Channel = protocol.open_session(timeout=self._patience(STALL))
        except (SSHException, EOFError, OSError) as error:
            if time.monotonic() >= deadline:
                raise DeadlineExceeded from None
            raise ConnectionLost(str(error)) from None
        self._channel.in_buffer.set_event(self._changed)
        self._channel.in_stderr_buffer.set_event(self._changed)
        self._channel.settimeout(SEND_SLICE)
        protocol.execute(self._channel, command)

    @property
    def errors(self) -> str:
        """The last 4 KiB of standard error."""
        return self._errors.decode("utf-8", "replace")

    def forget_errors(self) -> None:
        self._errors = b""

    def send(self, data: bytes) -> bool:
        """Write to the command's standard input, all of it; False when the command has stopped reading."""
        view = memoryview(data)
        while view:
            try:
                sent = self._channel.send(bytes(view[:CHUNK]))
            except TimeoutError:
                self.pump()
                self._check_alive()
                continue
            except OSError:
                return False
            if sent == 0:
                return False
            view = view[sent:]
        return True

    def end_input(self) -> None:
        with contextlib.suppress(OSError):  # the command may have ended already
            self._channel.shutdown_write()

    def pump(self) -> None:
        """Take in what has arrived on both streams."""
        channel = self._channel
        while channel.recv_ready():
            self.on_output(channel.recv(CHUNK))
        while channel.recv_stderr_ready():
            self._errors = (self._errors + channel.recv_stderr(CHUNK))[-ERRORS_KEPT:]

    def wait(self) -> bool:
        """Wait for more output and take it in; False when there will be none."""
        channel = self._channel
        silence_after_exit = 0.0
        while True:
            self.pump()
            if channel.recv_ready() or channel.recv_stderr_ready():
                continue
            if channel.eof_received or channel.closed:
                return False
            exited = channel.exit_status_ready()
            if exited and silence_after_exit >= AFTER_EXIT:
                return False
            if self._changed.wait(self._patience(AFTER_EXIT)):
                self.pump()
                return True
            silence_after_exit += AFTER_EXIT if exited else 0.0
            self._check_alive()

    def finish(self) -> int:
        """Take in all output and wait for the end; the exit status, or -1 where a signal ended the command."""
        while self.wait():
            pass
        while not self._channel.status_event.wait(self._patience(AFTER_EXIT)):
            self._check_alive()
        self.pump()
        status = self._channel.exit_status
        if status == -1 and not self._protocol.is_active():
            raise ConnectionLost("the connection ended while the program ran")
        return status

    def close(self) -> None:
        """End the session; a command that still runs is sent SIGTERM."""
        if self._protocol.is_active() and not self._channel.closed and not self._channel.exit_status_ready():
            self._protocol.terminate(self._channel)
        self._channel.close()

    def _patience(self, longest: float) -> float:
        return max(0.0, min(longest, self.deadline - time.monotonic()))

    def _check_alive(self) -> None:
        now = time.monotonic()
        if now >= self.deadline:
            raise DeadlineExceeded
        silence = now - self._protocol.wire.heard
        if silence > STALL:
            raise ConnectionLost(f"the host has been silent for {STALL:g} s")
        if silence > PING:
            self._protocol.ping()


class Lines:
    """Cuts a stream of bytes into lines of text."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest: list[bytes] = []

    def feed(self, data: bytes) -> None:
        if b"\n" not in data:
            self._rest.append(data)
            return
        self._rest.append(data)
        *lines, rest = b"".join(self._rest).split(b"\n")
        self._rest = [rest] if rest else []
        for line in lines:
            self._on_line(line.decode("utf-8", "replace"))

    def end(self) -> None:
        """A last line without a newline counts too."""
        if self._rest:
            rest, self._rest = b"".join(self._rest), []
            self._on_line(rest.decode("utf-8", "replace"))
