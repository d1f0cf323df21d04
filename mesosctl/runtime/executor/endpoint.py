"""Where an executor's agent is, and how it is spoken to: plainly or by TLS, with a token or without."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from mesosctl.runtime.tls import Client, client

TOKEN = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN"
HOSTNAME = "MESOSCTL_AGENT_HOSTNAME"
"""Variable with the name of the agent's host, where TLS is on."""


@dataclass(frozen=True)
class AgentEndpoint:
    host: str
    port: int
    tls: Client | None = None
    name: str | None = None
    """The agent's hostname, as its certificate has it."""
    token: str | None = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection. Raises OSError."""
        if self.tls is None:
            return await asyncio.open_connection(self.host, self.port)
        name = self.tls.name(self.name) or self.host
        return await asyncio.open_connection(self.host, self.port, ssl=self.tls.context, server_hostname=name)

    def head(self, path: str, body: bytes, headers: str) -> bytes:
        """The first lines of a POST of JSON. `headers`: more of them, each with its line's end."""
        token = f"Authorization: Bearer {self.token}\r\n" if self.token else ""
        return (
            f"POST {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: application/json\r\n"
            f"{token}{headers}Content-Length: {len(body)}\r\n\r\n"
        ).encode()


def agent_endpoint(environment: Mapping[str, str]) -> AgentEndpoint:
    """`environment` is that which the agent gives executors. Raises KeyError and ValueError."""
    host, _, port = environment["MESOS_AGENT_ENDPOINT"].rpartition(":")
    return AgentEndpoint(host, int(port), client(environment), environment.get(HOSTNAME), environment.get(TOKEN))
