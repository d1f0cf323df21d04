"""A real ZooKeeper server on loopback, from the classes that the distribution packages."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.ports import free_port

_CLASSES = "/usr/share/java/zookeeper.jar:/usr/share/java/zookeeper-jute.jar:/usr/share/java/*"
_SERVER = "org.apache.zookeeper.server.ZooKeeperServerMain"
_WAIT_SECONDS = 180.0


class ZooKeeper:
    """A standalone server; its data are in `folder` and survive `kill`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def server(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str, credentials: str = "") -> str:
        """`path` without a slash; `credentials` as user:password."""
        return f"zk://{credentials}{'@' if credentials else ''}{self.server}/{path}"

    def start(self) -> None:
        """Returns when it serves."""
        configuration = self._folder / "zoo.cfg"
        configuration.write_text(
            f"dataDir={self._folder / 'data'}\nclientPort={self.port}\nclientPortAddress=127.0.0.1\n"
            "tickTime=200\nminSessionTimeout=400\nmaxSessionTimeout=60000\nadmin.enableServer=false\n"
            "4lw.commands.whitelist=srvr\nmaxClientCnxns=0\n"
        )
        with (self._folder / "zookeeper.log").open("ab") as log:
            command = ["java", "-Xmx256m", "-cp", _CLASSES, _SERVER, str(configuration)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + _WAIT_SECONDS
        while not self._serves():
            waits = time.monotonic() < end and self._process.poll() is None
            assert waits, (self._process.returncode, (self._folder / "zookeeper.log").read_text()[-5000:])
            time.sleep(0.05)

    def kill(self) -> None:
        """As when its host loses power."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It holds its connections and answers nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def _serves(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"srvr")
                return b"Mode: standalone" in connection.recv(4096)
        except OSError:
            return False
