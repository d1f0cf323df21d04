"""Whether this master leads: it is elected, takes the registry over, and only then answers for the cluster.

Until then requests go to the leader (307), or get 503 while there is none. A master that led and is deposed, or cannot
know any more that it leads, stops at once: its service starts it again as a candidate like any other.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import NoReturn

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from kazoo.exceptions import KazooException

from mesosctl.runtime.coordination.detection import endpoint
from mesosctl.runtime.coordination.election import Election
from mesosctl.runtime.coordination.registry import DeposedError, Storage
from mesosctl.runtime.http.answers import empty_response
from mesosctl.runtime.master.core import Master
from mesosctl.runtime.protocol.errors import Refusal

log = logging.getLogger(__name__)

_LOCAL = ("/health", "/version", "/flags", "/metrics/snapshot", "/files/", "/logging/")
"""What every master answers for itself, with and without the prefix."""
_REDIRECT = ("/redirect", "/master/redirect")


def abort(reason: str) -> NoReturn:
    """Stop at once, without a further word to anybody."""
    log.critical("Stopping: %s", reason)
    logging.shutdown()
    os._exit(1)


class Leadership:
    def __init__(self, master: Master, election: Election | None) -> None:
        """Without an election this master is alone, and leads."""
        self._master = master
        self._election = election
        self._ready = False

    async def run(self, storage: Storage) -> None:
        """Wait to be elected, take the registry over, lead. Returns never."""
        await self._elected()
        try:
            async with asyncio.timeout(self._master.state.options.registry_fetch_timeout):
                began = time.monotonic()
                content = await storage.take_over()
                self._master.state.timings.fetch.add(time.monotonic() - began)
            self._master.recover(content)
        except TimeoutError:
            abort("Cannot recover the registry: reading it took longer than registry_fetch_timeout")
        except (DeposedError, OSError, KazooException, msgspec.MsgspecError) as error:
            abort(f"Cannot recover the registry: {error!r}")
        self._master.start()
        self._ready = True
        log.info("This master leads")
        while self._election is not None:
            self.guard()
            await self._election.changed.wait()
            self._election.changed.clear()
        await asyncio.get_running_loop().create_future()

    def guard(self) -> None:
        """Called before anything is told to anybody: a leader that may be one no longer stops."""
        if self._ready and self._election is not None:
            if not self._election.valid:
                abort("Lost the session with ZooKeeper, and with it leadership")
            if not self._election.leads:
                abort("Lost leadership")

    def middleware(self) -> Middleware:
        """What sends requests to the leader while that is not this master."""

        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.guard()
            path = request.path
            if self._ready or path.removeprefix("/master").startswith(_LOCAL):
                return await handler(request)
            if path in _REDIRECT:
                return self._redirect("")
            if self._leads:
                raise Refusal(503, "Master has not finished recovery")
            return self._redirect(request.path_qs)

        return gate

    @property
    def _leads(self) -> bool:
        return self._election is None or self._election.leads

    def _redirect(self, path: str) -> web.Response:
        own = self._master.state.options.info
        leader = self._election.leader if self._election else own
        if leader is None:
            raise Refusal(503, "No leader elected")
        if not self._leads and endpoint(leader) == endpoint(own):
            raise Refusal(503, "No leader elected")  # an earlier run of this master, whose session has not ended yet
        host = leader.hostname or endpoint(leader).rpartition(":")[0]
        return empty_response(307, {hdrs.LOCATION: f"//{host}:{leader.port}{path}"})

    async def _elected(self) -> None:
        election = self._election
        while election is not None and not election.leads:
            await election.changed.wait()
            election.changed.clear()
            if election.leads:
                log.info("Elected")
            else:
                log.info("The leader is %s", endpoint(election.leader) if election.leader else "not known")
