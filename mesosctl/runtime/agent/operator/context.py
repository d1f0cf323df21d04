"""What the functions that answer operators' calls are given, and what they give."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from aiohttp import web

from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.nested import NestedContainers
from mesosctl.runtime.agent.statistics import Usage
from mesosctl.runtime.agent.visible import visible
from mesosctl.runtime.authorization import ANYTHING, Permit
from mesosctl.runtime.clock import Clock
from mesosctl.runtime.http.authentication import Principal, permit_of, principal_of
from mesosctl.runtime.http.files import Files
from mesosctl.runtime.http.log_level import LogLevel
from mesosctl.runtime.protocol.agent import Call, Response
from mesosctl.runtime.protocol.negotiation import AgentMedia


@dataclass(frozen=True)
class Context:
    agent: Agent
    flags: Mapping[str, str]
    """What `/flags` shows."""
    metrics: Callable[[], Mapping[str, float]]
    """What `/metrics/snapshot` shows."""
    log_level: LogLevel
    files: Files
    clock: Clock
    nested: NestedContainers
    usage: Usage
    permit: Permit = ANYTHING
    """What the caller may do."""
    caller: Principal | None = None

    @property
    def visible(self) -> Agent:
        """What the caller may see."""
        return visible(self.agent, self.permit)

    def of(self, request: web.Request) -> Context:
        """The same for one request of a caller."""
        return replace(self, permit=permit_of(request), caller=principal_of(request))


@dataclass(frozen=True)
class Exchange:
    """An exchange that streams: what came with the call, for functions that answer by themselves."""

    request: web.Request
    media: AgentMedia
    rest: AsyncIterator[Call]
    """The calls that follow the first one on a stream; none where the request is no stream."""


Answer = Response | int
"""A message, or the status (200, 202) of an empty answer."""
Function = Callable[[Context, Call], Answer | Awaitable[Answer]]
"""Called with a call whose own field is there, unless its type needs none. Raises Refusal."""
Streaming = Callable[[Context, Call, Exchange], Awaitable[web.StreamResponse]]
