"""What the endpoints share: Marathon itself once it leads, and how requests are read and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from mesosctl.runtime.http.answers import body_response
from mesosctl.runtime.marathon.api.errors import ApiError
from mesosctl.runtime.marathon.api.traffic import Traffic
from mesosctl.runtime.marathon.callbacks import Callbacks
from mesosctl.runtime.marathon.core.marathon import Marathon
from mesosctl.runtime.marathon.core.records import Deployment
from mesosctl.runtime.marathon.events import Bus
from mesosctl.runtime.marathon.flags import MarathonFlags
from mesosctl.runtime.marathon.leader import Leadership
from mesosctl.runtime.marathon.model import Group
from mesosctl.runtime.marathon.store.archive import Archive
from mesosctl.runtime.marathon.store.writer import Writer

DEPLOYMENT_HEADER = "Marathon-Deployment-Id"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass
class Context:
    flags: MarathonFlags
    leadership: Leadership
    bus: Bus
    writer: Writer
    callbacks: Callbacks
    traffic: Traffic = field(default_factory=Traffic)
    core: Marathon | None = None
    """There is one while this Marathon leads."""
    master: str | None = None
    """URL of the master that Marathon is subscribed to."""

    @property
    def marathon(self) -> Marathon:
        """Raises ApiError while this Marathon does not lead."""
        if self.core is None:
            raise ApiError(503, "Could not determine the current leader")
        return self.core

    @property
    def archive(self) -> Archive:
        return self.writer.archive

    async def update(
        self,
        request: web.Request,
        change: Callable[[Group], Group],
        *,
        restart: Iterable[str] = (),
        kills: Mapping[str, Iterable[str]] | None = None,
        posted: Sequence[object] = (),
    ) -> Deployment:
        """Deploy what a request asks for; it is safe when this returns. `posted`: the bus is told of these definitions;
        `change` may add to them."""
        deployment = self.marathon.update_root(change, force=flag(request, "force"), restart=restart, kills=kills)
        for definition in posted:
            self.bus.say("api_post_event", clientIp=request.remote or "", uri=request.path, appDefinition=definition)
        await self.writer.flush()
        return deployment


async def body(request: web.Request) -> Any:
    """The JSON that was sent. Raises ApiError."""
    try:
        return _decode(await request.read())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(400, "Invalid JSON", details=str(error)) from None
    except RecursionError:
        raise ApiError(400, "Invalid JSON", details="It is nested too deeply") from None


def flag(request: web.Request, name: str, default: bool = False) -> bool:
    """`?name=true`, in any case."""
    value = request.query.get(name)
    return default if value is None else value.strip().lower() == "true"


def answer(request: web.Request, value: object, status: int = 200, **headers: str) -> web.Response:
    response = body_response(request, _encode(value), "application/json", status)
    for name, text in headers.items():
        response.headers[name] = text
    return response


def deployed(
    request: web.Request, deployment: Deployment, status: int = 200, location: str | None = None
) -> web.Response:
    """What every change is answered with."""
    value = {"version": deployment.version, "deploymentId": deployment.id}
    response = answer(request, value, status)
    return announce(response, deployment, location)


def announce(response: web.Response, deployment: Deployment, location: str | None = None) -> web.Response:
    response.headers[DEPLOYMENT_HEADER] = deployment.id
    if location:
        response.headers["Location"] = location
    return response
