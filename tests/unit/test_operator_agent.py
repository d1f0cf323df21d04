"""The operator API of an agent: every read in both encodings, and what is refused."""

from __future__ import annotations

import aiohttp
import pytest

from mesosctl.runtime.protocol.agent import Call, Response
from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.operator import CommonCall
from mesosctl.runtime.protocol.tasks import TaskState
from tests.unit.agent_bench import task
from tests.unit.test_agent_endpoints import PREFIX, Web, with_web

CHANGING = {Call.Type.GET_METRICS, Call.Type.GET_CONTAINERS}
"""What they tell passes with time."""


async def ask(web: Web, session: aiohttp.ClientSession, call: Call, media: MediaType, **more: str) -> tuple[int, bytes]:
    headers = {"Content-Type": media.value, "Accept": media.value} | {k.replace("_", "-"): v for k, v in more.items()}
    async with session.post(f"{web.url}{PREFIX}/api/v1", data=encode(call, media), headers=headers) as answer:
        return answer.status, await answer.read()


@pytest.mark.parametrize("kind", [kind for kind in Call.Type if kind.startswith("GET_")])
def test_every_read_in_both_encodings(kind: Call.Type) -> None:
    async def check(web: Web, session: aiohttp.ClientSession) -> None:
        web.run(task("a"))
        web.subscribe()
        web.update("a", TaskState.TASK_RUNNING)
        found = []
        for media in (MediaType.JSON, MediaType.PROTOBUF):
            status, body = await ask(web, session, Call(type=kind, get_metrics=CommonCall.GetMetrics()), media)
            assert status == 200
            found.append(decode(Response, body, media))
        assert found[0].type == kind
        assert kind in CHANGING or found[0] == found[1]

    with_web(check)


def test_what_is_refused() -> None:
    async def check(web: Web, session: aiohttp.ClientSession) -> None:
        status, body = await ask(web, session, Call(type=Call.Type.PRUNE_IMAGES), MediaType.JSON)
        assert (status, body[:23]) == (501, b"This agent keeps no ima")
        assert (await ask(web, session, Call(type=Call.Type.UNKNOWN), MediaType.JSON))[0] == 501
        recordio = {"Accept": MediaType.RECORDIO.value, "Message-Accept": MediaType.JSON.value}
        status, body = await ask(web, session, Call(type=Call.Type.GET_HEALTH), MediaType.JSON, **recordio)
        assert (status, body) == (406, b"Streaming 'Accept' application/recordio is not supported for GET_HEALTH call")

    with_web(check)
