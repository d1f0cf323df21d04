"""Who makes a request: HTTP basic authentication (RFC 7617), by Apache Mesos' realms.

A table says which realm a path belongs to; what a realm asks for is decided by the flags. A path that no table names is
asked for like one that changes something. The check itself is a function of the header.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from mesosctl.runtime.authorization import ANYTHING, Acls, Permit
from mesosctl.runtime.http.answers import text_response
from mesosctl.runtime.protocol.basics import Credential


class Access(Enum):
    """What a path is for. The value ends the name of its realm."""

    READ = "readonly"
    WRITE = "readwrite"
    SCHEDULER = "scheduler"
    EXECUTOR = "executor"
    AGENT = "agent"


_READ_PATHS = (
    "/containers",
    "/files/",
    "/flags",
    "/frameworks",
    "/maintenance/status",
    "/metrics/",
    "/monitor/",
    "/page/agents/",
    "/roles",
    "/slaves",
    "/state",
    "/tasks",
)
_OTHERS = {
    "/api/v1/scheduler": Access.SCHEDULER,
    "/api/v1/executor": Access.EXECUTOR,
    "/internal/agent": Access.AGENT,
}
_OPEN = frozenset({"/", "/health", "/redirect", "/system/stats.json", "/version"})
_OPEN_PART = "/page/"
"""The pages' programs and styles, which say nothing of the cluster."""
_GET_ENDPOINTS = frozenset(
    {"/containers", "/files/debug", "/logging/toggle", "/metrics/snapshot", "/monitor/statistics"}
)
"""What `get_endpoints` of access control lists is about."""


@dataclass(frozen=True)
class Principal:
    """Who was authenticated. `container_id` is set for an executor, which shows a token of its agent."""

    name: str
    container_id: str | None = None


_PERMIT = web.RequestKey("permit", Permit)
_PRINCIPAL = web.RequestKey("principal", Principal)


class Authenticator(Protocol):
    scheme: str

    def principal(self, value: str) -> Principal | None:
        """Who shows this after the scheme's name in `Authorization`; None where it is not valid."""


class Basic:
    scheme = "Basic"

    def __init__(self, credentials: Mapping[str, str]) -> None:
        """`credentials`: secrets by principal."""
        self._credentials = {name.encode(): secret.encode() for name, secret in credentials.items()}

    def principal(self, value: str) -> Principal | None:
        try:
            name, colon, secret = b64decode(value, validate=True).partition(b":")
        except ValueError:
            return None
        known = self._credentials.get(name)
        same = hmac.compare_digest(secret, secret if known is None else known)
        return Principal(name.decode()) if colon and same and known is not None else None


def basic_header(credential: Credential) -> str:
    """The value of `Authorization` for one who has this credential."""
    pair = f"{credential.principal}:{credential.secret or ''}"
    return "Basic " + b64encode(pair.encode()).decode()


def access_of(path: str, prefix: str) -> Access | None:
    """What a path is for, with or without the `prefix` of the program; None: anybody may ask."""
    path = path.removeprefix(prefix)
    if path in _OTHERS:
        return _OTHERS[path]
    if path.startswith(_READ_PATHS):
        return Access.READ
    return None if path in _OPEN or path.startswith(_OPEN_PART) else Access.WRITE


def check(header: str | None, authenticators: tuple[Authenticator, ...]) -> Principal | None:
    """Who makes a request with this `Authorization`; None: nobody that is known."""
    scheme, _, value = (header or "").strip().partition(" ")
    for authenticator in authenticators:
        if scheme.lower() == authenticator.scheme.lower() and (found := authenticator.principal(value.strip())):
            return found
    return None


class Authentication:
    """What a program asks of whom. `prefix`: "/master", "/slave(1)"; `required`: what is not named is open."""

    def __init__(
        self,
        program: str,
        prefix: str,
        required: Mapping[Access, tuple[Authenticator, ...]],
        acls: Acls | None = None,
    ) -> None:
        self._program = program
        self._prefix = prefix
        self._required = required
        self._acls = acls

    def challenge(self, path: str, header: str | None) -> Principal | str | None:
        """For a route's path and a request's `Authorization`: who it is, or the challenge to answer with.

        None: nobody is asked.
        """
        access = access_of(path, self._prefix)
        authenticators = self._required.get(access, ()) if access else ()
        if not authenticators:
            return None
        assert access
        realm = f"mesos-{self._program}-{access.value}"
        challenge = ", ".join(f'{each.scheme} realm="{realm}"' for each in authenticators)
        return check(header, authenticators) or challenge

    def middleware(self) -> Middleware:
        @web.middleware
        async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
            resource = request.match_info.route.resource
            if resource is not None:  # else there is no such path
                found = self.challenge(resource.canonical, request.headers.get(hdrs.AUTHORIZATION))
                if isinstance(found, str):
                    return text_response(401, "401 Unauthorized.", {hdrs.WWW_AUTHENTICATE: found})
                if found is not None:
                    request[_PRINCIPAL] = found
                permit = request[_PERMIT] = Permit(self._acls, found.name if found else None)
                self._check_path(resource.canonical.removeprefix(self._prefix), permit)
            return await handler(request)

        return authenticate

    def _check_path(self, path: str, permit: Permit) -> None:
        """Raises Refusal (403) where the endpoint as a whole is not for the caller."""
        if path in _GET_ENDPOINTS:
            permit.require("get_endpoints", [path])
        elif path == "/flags":
            permit.require("view_flags")


def permit_of(request: web.Request) -> Permit:
    """What the caller may do."""
    return request.get(_PERMIT) or ANYTHING


def principal_of(request: web.Request) -> Principal | None:
    """Who was authenticated; None where nobody was asked."""
    return request.get(_PRINCIPAL)


def basic(names: str | None, credentials: Mapping[str, str] | None, realm: str) -> tuple[Authenticator, ...]:
    """The authenticators that a flag names, with commas. Raises ValueError."""
    for name in (names or "basic").split(","):
        if name.strip() != "basic":
            raise ValueError(f"HTTP authenticator '{name}' not found: this runtime has no modules, only 'basic'")
    if credentials is None:
        raise ValueError(f"No credentials provided for the default 'basic' HTTP authenticator for realm '{realm}'")
    return (Basic(credentials),)
