"""A master's candidacy: an ephemeral sequential node of its own beside those of the others; the lowest leads.

What is known is checked again several times within the session timeout; a leader writes its node anew each time,
because a server that is cut off from the others still answers what is only read. From the time that the last
successful check was sent, the session lasts nearly the timeout: until then (`valid`) nobody else leads who was not
seen, whatever happens to the connection, and also when the whole process stood still.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from mesosctl.runtime.coordination.address import ZooKeeperUrl
from mesosctl.runtime.coordination.detection import LABEL, candidates
from mesosctl.runtime.coordination.session import AuthFailedError, KazooException, NoAuthError, NoNodeError, Session
from mesosctl.runtime.protocol.cluster import MasterInfo
from mesosctl.runtime.protocol.codec import decode, encode
from mesosctl.runtime.protocol.errors import DecodeError

log = logging.getLogger(__name__)

CHECKS_PER_TIMEOUT = 4
LASTING = 0.85
"""The part of the session timeout that surely remains: servers tell their leader of sessions once a second or so."""
RETRY_SECONDS = 0.5


def monotonic() -> float:
    """Seconds that also pass while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Election:
    """Use it inside a running event loop: `run` takes part until it is cancelled."""

    def __init__(self, url: ZooKeeperUrl, info: MasterInfo, session_timeout: float) -> None:
        """`info` is what others read of this master; `session_timeout` in seconds."""
        self.url = url
        self.leader: MasterInfo | None = None
        """Who leads, as far as is known."""
        self.leads = False
        """Whether that is this master. It may be true only once: whoever led and does not any more must stop."""
        self.changed = asyncio.Event()
        """Set when `leader` or `leads` changes; the waiter clears it."""
        self._due = asyncio.Event()
        self.session = Session(url, session_timeout, self._due.set)
        self._info = info
        self._timeout = session_timeout
        self._valid_until = 0.0
        self._node: str | None = None
        self._leading_node: str | None = None

    @property
    def valid(self) -> bool:
        """Whether what is known of the leader holds."""
        return monotonic() < self._valid_until

    @property
    def _patience(self) -> float:
        """Seconds to wait for a check: a leader waits no longer than it may lead."""
        return max(RETRY_SECONDS, self._valid_until - monotonic()) if self.leads else self._timeout

    async def run(self) -> None:
        """Never returns. Ends the session when cancelled, so that another master leads at once.

        Raises PermissionError where ZooKeeper does not let this master write below its path.
        """
        self.session.start()
        try:
            while True:
                self._due.clear()
                pause = self._timeout / CHECKS_PER_TIMEOUT
                if self.session.connected:
                    try:
                        async with asyncio.timeout(self._patience):
                            await self._check()
                    except TimeoutError:
                        log.warning("ZooKeeper does not answer")
                        pause = min(pause, RETRY_SECONDS)
                    except (NoAuthError, AuthFailedError) as error:
                        raise PermissionError(f"ZooKeeper refuses access to {self.url.path}: {error!r}") from None
                    except KazooException as error:
                        log.warning("Cannot take part in the election: %r", error)
                        pause = min(pause, RETRY_SECONDS)
                if not self.valid:
                    self._know(None, leads=False)
                await self._wait(min(pause, max(0.0, self._valid_until - monotonic()) or pause))
        finally:
            await self.session.close()

    async def _check(self) -> None:
        asked = monotonic()
        if self._node is None:
            await self.session.ensure(self.url.path)
        names = await self._candidates()
        if not await self._is_own(names):
            self._node = await self._enter(names)
            names = await self._candidates()
        leading = names[0] if names else None
        if leading != self._leading_node or self.leader is None:
            leader = await self._read(leading) if leading else None
        else:
            leader = self.leader
        self._leading_node = leading
        leads = leading is not None and leading == self._node
        if leads:
            await self.session.set(f"{self.url.path}/{leading}", encode(self._info))
        self._valid_until = asked + self._timeout * LASTING
        self._know(leader, leads=leads)

    async def _candidates(self) -> list[str]:
        return candidates(await self.session.children(self.url.path, watch=True))

    async def _is_own(self, names: list[str]) -> bool:
        """Whether this session still has the node that was made."""
        if self._node not in names:
            return False
        state = await self.session.exists(f"{self.url.path}/{self._node}")
        return state is not None and state.owner_session_id == self.session.id

    async def _enter(self, names: list[str]) -> str:
        """The name of this session's node: of one that was made without an answer, or of a new one."""
        for name in names:
            state = await self.session.exists(f"{self.url.path}/{name}")
            if state is not None and state.owner_session_id == self.session.id:
                return name
        prefix = f"{self.url.path}/{LABEL}"
        made = await self.session.create(prefix, encode(self._info), ephemeral=True, sequence=True)
        log.info("A candidate by %s", made)
        return made.rpartition("/")[2]

    async def _read(self, name: str) -> MasterInfo | None:
        with suppress(NoNodeError):
            content, _ = await self.session.get(f"{self.url.path}/{name}")
            try:
                return decode(MasterInfo, content)
            except DecodeError as error:
                log.error("Cannot read the leading master's %s: %s", name, error)
        return None

    def _know(self, leader: MasterInfo | None, *, leads: bool) -> None:
        if leader != self.leader or leads != self.leads:
            self.leader, self.leads = leader, leads
            self.changed.set()

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._due.wait()
