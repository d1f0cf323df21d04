"""A thousand hosts, played by one process: an SSH server that answers the engine's programs, far away.

Run as a program (`python -m tests.bench.crowd FOLDER PORT LATENCY`) it is that server. It runs no shell: it reads the
program that arrives and prints what a host would that holds everything already. Half of the latency is added in each
direction, so one round trip takes LATENCY seconds.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import asyncssh

from tests.bench.measure import Sample, measure
from tests.bench.targets import inventory
from tests.ports import free_port

NONCE = re.compile(r"^n=(\S+) w=", re.MULTILINE)
STEPS = re.compile(r"^(?:if file|command_) (\d+) ", re.MULTILINE)
FACTS = "os debian|12|bookworm|\nmanager apt\ninit systemd\nkernel host 6.1.0 x86_64\nhome root /root\n"


def sample(folder: Path, hosts: int, *, latency: float, timeout: float) -> Sample:
    """Take so many hosts through the payload. RuntimeError where not all of them got through."""
    folder.mkdir()
    for name in ("host_key", "id_ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name], check=True)
    port = free_port("")
    host_key = (folder / "host_key.pub").read_text().strip()
    file = folder / "inventory.yaml"
    file.write_text(inventory([f"h{n}" for n in range(1, hosts + 1)], port, [host_key] * hosts, folder / "id_ed25519"))
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.crowd", str(folder), str(port), str(latency)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )
    try:
        assert server.stdout is not None
        server.stdout.readline()
        found = measure(
            [sys.executable, "-m", "tests.bench.client", str(file)],
            folder / "log",
            timeout=timeout,
            env={"MESOSCTL_STATE": str(folder / "state")},
        )
    finally:
        server.kill()
        server.wait()
    if found.status != 0:
        raise RuntimeError(f"the crowd: status {found.status}\n{(folder / 'log').read_text()[-2000:]}")
    return found


class FarTransport:
    """A transport whose writes arrive later."""

    def __init__(self, transport: asyncio.Transport, later: Callable[..., object]) -> None:
        self._transport = transport
        self._later = later

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._later(self._transport.write, bytes(data))

    def writelines(self, pieces: Sequence[bytes]) -> None:
        self.write(b"".join(pieces))

    def close(self) -> None:
        self._later(self._transport.close)


class FarProtocol(asyncio.Protocol):
    """Stands before a protocol, and tells it of everything later."""

    def __init__(self, inner: asyncio.Protocol, delay: float) -> None:
        self._inner = inner
        self._delay = delay

    def _later(self, call: Callable[..., object], *arguments: object) -> None:
        asyncio.get_running_loop().call_later(self._delay, call, *arguments)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(FarTransport(transport, self._later))  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        self._later(self._inner.data_received, data)

    def eof_received(self) -> bool:
        self._later(self._inner.eof_received)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._later(self._inner.connection_lost, error)


class FarLoop(asyncio.SelectorEventLoop):
    """An event loop whose servers are far away."""

    delay = 0.0

    async def create_server(self, protocol_factory: Any, *args: Any, **kwargs: Any) -> Any:
        return await super().create_server(lambda: FarProtocol(protocol_factory(), self.delay), *args, **kwargs)


async def _answer(process: asyncssh.SSHServerProcess[str]) -> None:
    program = await process.stdin.read()
    named = NONCE.search(program)
    if named is None:
        process.exit(2)
        return
    nonce = named[1]
    lines = FACTS.splitlines() if "tell clock" in program else [f"{step} ok" for step in STEPS.findall(program)]
    process.stdout.write("".join(f"{nonce} {line}\n" for line in [*lines, "end"]))
    process.exit(0)


async def _serve(folder: Path, port: int) -> None:
    await asyncssh.listen(
        "",
        port,
        server_host_keys=[str(folder / "host_key")],
        authorized_client_keys=str(folder / "id_ed25519.pub"),
        process_factory=_answer,
        kex_algs=["curve25519-sha256", "curve25519-sha256@libssh.org"],
        backlog=1000,
        login_timeout=600,
    )
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    FarLoop.delay = float(sys.argv[3]) / 2
    asyncio.Runner(loop_factory=FarLoop).run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
