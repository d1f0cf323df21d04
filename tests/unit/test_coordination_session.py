"""What is told of a connection with ZooKeeper, and what is asked over it."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from mesosctl.runtime.coordination.detection import leader_at
from mesosctl.runtime.coordination.session import REPEAT_SECONDS, NoNodeError, Seldom, Session
from mesosctl.runtime.protocol.cluster import MasterInfo
from mesosctl.runtime.protocol.codec import encode


def test_the_same_words_come_once_a_minute() -> None:
    seldom = Seldom()

    def is_told(text: str, at: float) -> bool:
        record = logging.makeLogRecord({"msg": "%s", "args": (text,), "created": at})
        return bool(seldom.filter(record))

    assert [is_told("refused", at / 2) for at in range(10)] == [True] + 9 * [False]
    assert is_told("connected", 5.0)
    assert not is_told("refused", REPEAT_SECONDS - 1)
    assert is_told("refused", REPEAT_SECONDS)
    assert not is_told("refused", REPEAT_SECONDS + 1)


def test_a_path_that_is_made_while_it_is_looked_at() -> None:
    """A watch on the path itself would not tell of the candidates below it."""
    info = MasterInfo(id="m", ip=0, port=5050)

    class Raced:
        """The first candidate stands for election between two questions."""

        there = False

        async def children(self, path: str, *, watch: bool) -> list[str]:
            assert watch
            if not self.there:
                raise NoNodeError
            return ["json.info_0000000000"]

        async def exists(self, path: str, *, watch: bool) -> object:
            self.there = True
            return object()

        async def get(self, path: str) -> tuple[bytes, None]:
            return encode(info), None

    assert asyncio.run(leader_at(cast(Session, Raced()), "/mesos", watch=True)) == info
