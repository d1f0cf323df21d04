"""What is told of a connection with ZooKeeper."""

from __future__ import annotations

import logging

from mesosctl.runtime.coordination.session import REPEAT_SECONDS, Seldom


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
