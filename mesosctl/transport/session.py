"""One command on one SSH channel: input and both outputs pumped by the calling thread, without a deadlock.

The remote may write before it has read all its input, and it may write to both streams; so nothing here waits for one
of them alone. Waiting is event-driven, and a peer that has gone silent is asked for a sign of life.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from paramiko import Channel, SSHException

from mesosctl.transport.protocol import SshProtocol
from mesosctl.transport.wire import STALL

CHUNK = 32768
PING = 15.0
"""Seconds of silence after which the peer is asked for a sign of life."""
SLICE = 0.5
"""Seconds between looks at the clock while nothing arrives."""
AFTER_EXIT = 1.0
"""Seconds in which output may still come from a program that has ended; a daemon it started may hold it open."""
SEND_SLICE = 0.25
"""Seconds for which sending may block before the outputs are looked at again."""
ERRORS_KEPT = 4096


class DeadlineExceeded(Exception):
    """The time given to a session is over."""


class ConnectionLost(Exception):
    """The connection ended, or the peer gives no sign of life."""


@contextmanager
def _named() -> Iterator[None]:
    """What Paramiko raises where a connection has ended, as ConnectionLost."""
    try:
        yield
    except (SSHException, EOFError, OSError) as error:
        raise ConnectionLost(str(error) or "the host ended it") from None


class Session:
    """A running remote command. Every method may raise DeadlineExceeded or ConnectionLost."""

    def __init__(
        self, protocol: SshProtocol, command: str, on_output: Callable[[bytes], None], deadline: float
    ) -> None:
        """`on_output` gets the pieces of standard output; `deadline` is a reading of time.monotonic()."""
        self.on_output = on_output
        self.deadline = deadline
        self._protocol = protocol
        self._errors = b""
        self._changed = threading.Event()
        try:
            with _named():
                self._channel: Channel = protocol.open_session(timeout=self._patience(STALL))
        except ConnectionLost:
            if time.monotonic() >= deadline:
                raise DeadlineExceeded from None
            raise
        self._channel.in_buffer.set_event(self._changed)
        self._channel.in_stderr_buffer.set_event(self._changed)
        self._channel.settimeout(SEND_SLICE)
        with _named():
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
            if self._channel.closed:
                return False
            try:
                with _named():
                    sent = self._send(bytes(view[:CHUNK]))
            except ConnectionLost:
                if self._protocol.is_active():
                    return False
                raise
            if sent == 0:
                self.pump()
                self._check_alive()
            view = view[sent:]
        return True

    def _send(self, data: bytes) -> int:
        try:
            return self._channel.send(data)
        except TimeoutError:
            return 0

    def end_input(self) -> None:
        """Let the command read the end of its input."""
        if not self._channel.closed:
            with _named():
                self._channel.shutdown_write()

    def pump(self) -> None:
        """Take in what has arrived on both streams."""
        channel = self._channel
        while channel.recv_ready():
            with _named():
                data = channel.recv(CHUNK)
            self.on_output(data)
        while channel.recv_stderr_ready():
            with _named():
                data = channel.recv_stderr(CHUNK)
            self._errors = (self._errors + data)[-ERRORS_KEPT:]

    def wait(self) -> bool:
        """Wait for more output and take it in; False when there will be none."""
        channel = self._channel
        silence_after_exit = 0.0
        while not self._changed.wait(self._patience(SLICE)):
            self._check_alive()
            if channel.exit_status_ready():
                if silence_after_exit >= AFTER_EXIT:
                    return False
                silence_after_exit += SLICE
        ended = channel.eof_received or channel.closed
        self.pump()
        return not ended

    def finish(self) -> int:
        """Take in all output and wait for the end; the exit status, or -1 where the command did not get to one."""
        while self.wait():
            pass
        while not self._channel.status_event.wait(self._patience(SLICE)):
            self._check_alive()
        self.pump()
        if self._channel.exit_status == -1:
            # Paramiko closes the channels of a broken connection a moment before it tells that it is broken.
            self._protocol.join(SLICE)
            if not self._protocol.is_active():
                raise ConnectionLost("the host ended it")
        return self._channel.exit_status

    def close(self) -> None:
        """End the session. A program that still runs is not killed: it ends when it next writes a line."""
        with suppress(ConnectionLost), _named():
            self._channel.close()

    def _patience(self, longest: float) -> float:
        return max(0.0, min(longest, self.deadline - time.monotonic()))

    def _check_alive(self) -> None:
        now = time.monotonic()
        if now >= self.deadline:
            raise DeadlineExceeded
        silence = now - self._protocol.wire.heard
        if silence > STALL:
            raise ConnectionLost(f"it has been silent for {STALL:g} s")
        if silence > PING:
            with _named():
                self._protocol.ping()


class Lines:
    """Cuts a stream of bytes into lines of text."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest: list[bytes] = []

    def feed(self, data: bytes) -> None:
        self._rest.append(data)
        if b"\n" not in data:
            return
        *lines, rest = b"".join(self._rest).split(b"\n")
        self._rest = [rest] if rest else []
        for line in lines:
            self._on_line(line.decode("utf-8", "replace"))

    def end(self) -> None:
        """A last line without a newline counts too."""
        rest, self._rest = b"".join(self._rest), []
        if rest:
            self._on_line(rest.decode("utf-8", "replace"))
