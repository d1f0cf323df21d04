"""Which of several Marathons leads: elected in ZooKeeper below `<path>/leader`, or the only one there is.

Who led and does not any more ends, and is started again by its service as a candidate like any other.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import replace

from mesosctl.runtime.coordination.address import HostPort, ZooKeeperUrl
from mesosctl.runtime.coordination.detection import ip_number
from mesosctl.runtime.coordination.election import Election
from mesosctl.runtime.marathon.version import VERSION
from mesosctl.runtime.protocol.basics import Address
from mesosctl.runtime.protocol.cluster import MasterInfo

log = logging.getLogger(__name__)


class LostLeadershipError(Exception):
    """This Marathon led."""


class Leadership:
    """Use it inside a running event loop: `run` takes part until it is cancelled."""

    def __init__(self, own: HostPort, zookeeper: ZooKeeperUrl | None, session_timeout: float) -> None:
        """`own` is where others reach this Marathon; without `zookeeper` it is alone. Timeout in seconds."""
        self.own = str(own)
        self.ready = False
        """Whether this Marathon leads and has taken over: set by whoever does that."""
        self.election: Election | None = None
        if zookeeper:
            below = replace(zookeeper, path=f"{zookeeper.path}/leader")
            self.election = Election(below, _info(own), session_timeout)
        self._abdicated = asyncio.Event()

    @property
    def elected(self) -> bool:
        return self.election is None or (self.election.leads and self.election.valid)

    @property
    def leader(self) -> str | None:
        """host:port of the one that leads, as far as is known."""
        if self.election is None:
            return self.own
        return _address(self.election.leader) if self.election.leader and self.election.valid else None

    async def wait(self) -> None:
        """Until this Marathon is elected."""
        election = self.election
        while election is not None and not self.elected:
            log.info("The leader is %s", self.leader or "not known")
            await election.changed.wait()
            election.changed.clear()
        log.info("Elected")

    async def hold(self) -> None:
        """Until it leads no more. Raises LostLeadershipError then."""
        abdicated = asyncio.create_task(self._abdicated.wait())
        try:
            while True:
                changed = asyncio.create_task(self._changed())
                await asyncio.wait({abdicated, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if abdicated.done():
                    raise LostLeadershipError("Abdicated")
                if not self.elected:
                    raise LostLeadershipError("Lost leadership")
        finally:
            abdicated.cancel()

    def abdicate(self) -> None:
        self.ready = False
        self._abdicated.set()

    async def _changed(self) -> None:
        if self.election is None:
            await asyncio.get_running_loop().create_future()
        else:
            await self.election.changed.wait()
            self.election.changed.clear()


def _info(own: HostPort) -> MasterInfo:
    """A candidate, written as masters are."""
    return MasterInfo(
        id=str(uuid.uuid4()),
        ip=ip_number(own.host),
        port=own.port,
        hostname=own.host,
        version=VERSION,
        address=Address(hostname=own.host, port=own.port),
    )


def _address(info: MasterInfo) -> str:
    return str(HostPort(info.hostname or "", info.port))
