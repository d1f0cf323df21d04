"""Waiting for what operators change: a request is answered once the registry holds it and it is done."""

from __future__ import annotations

import asyncio

from mesosctl.runtime.master.changes import Change
from mesosctl.runtime.master.core import Master


async def commit(master: Master, change: Change) -> int:
    """The status of the answer. The change is carried out even where its client has gone away."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    master.commit(change, lambda: None if done.done() else done.set_result(None))
    await done
    return 200
