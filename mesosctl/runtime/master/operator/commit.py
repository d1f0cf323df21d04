"""Waiting for what operators change: a request is answered once the registry holds it and it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mesosctl.runtime.master.changes import Change
from mesosctl.runtime.master.operator.context import Context


async def commit(context: Context, decide: Callable[[], Change]) -> int:
    """The status of the answer. One change after the other: each is decided upon what the one before has made.

    What was decided is carried out even where its client has gone away.
    """
    async with context.changes:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        context.master.commit(decide(), lambda: None if done.done() else done.set_result(None))
        await done
    return 200
