"""The Docker command line as a typed function: arguments in, text out. Knows nothing of labs."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from mesosctl.errors import MesosctlError


class DockerError(MesosctlError):
    """A docker command that failed, with the last line it said."""


@dataclass(frozen=True, slots=True)
class Docker:
    """One Docker engine. `socket` is its address (`unix:///…`); None: where the program looks by itself."""

    socket: str | None = None

    def command(self, *arguments: str) -> list[str]:
        """The full command line of `docker ARGUMENTS…` for this engine."""
        return ["docker", *(["--host", self.socket] if self.socket else []), *arguments]

    def run(self, *arguments: str, stdin: bytes | None = None, timeout: float = 120) -> str:
        """Run a docker command; its standard output without the last newline. Raises DockerError.

        `timeout` is in seconds.
        """
        try:
            done = subprocess.run(self.command(*arguments), input=stdin, capture_output=True, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise DockerError(
                f"no answer within {timeout:.0f} s",
                where=f"docker {arguments[0]}",
                fix="look whether the Docker engine still works: docker info",
            ) from error
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            raise DockerError(lines[-1] if lines else "failed", where=f"docker {arguments[0]}")
        return done.stdout.decode(errors="replace").rstrip("\n")

    def answers(self) -> bool:
        """Whether the engine is there."""
        done = subprocess.run(self.command("info"), capture_output=True)
        return done.returncode == 0

    def exec(
        self, container: str, argv: Sequence[str], *, stdin: bytes | None = None, timeout: float = 600
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program as root in a running container; the completed process, whatever its exit status."""
        options = ["--interactive"] if stdin is not None else []
        command = self.command("exec", *options, container, *argv)
        return subprocess.run(command, input=stdin, capture_output=True, timeout=timeout)
