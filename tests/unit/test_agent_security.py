"""An agent that asks who speaks to it: executors by their tokens, operators by credentials, each within its rights."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from mesosctl.runtime.agent.tokens import Tokens
from mesosctl.runtime.authorization import OBJECTS, Acls
from mesosctl.runtime.http.authentication import Access, Authentication, Basic, basic_header
from mesosctl.runtime.protocol.basics import Credential
from mesosctl.runtime.protocol.codec import MediaType
from mesosctl.runtime.protocol.tasks import TaskState
from tests.unit.agent_bench import FRAMEWORK_ID, task
from tests.unit.test_agent_endpoints import Web, subscribe, update, with_web
from tests.unit.test_authorization import ANY, NONE, acls, some

TOKENS = Tokens(b"key")
CREDENTIALS = Basic({"ops": "s", "guest": "s"})
OPS, GUEST = (basic_header(Credential(principal=name, secret="s")) for name in ("ops", "guest"))
NESTED = ("LAUNCH", "WAIT", "KILL", "REMOVE")


def asked(lists: Acls | None = None) -> Authentication:
    readers, writers = (CREDENTIALS,), (CREDENTIALS, TOKENS)
    required = {Access.READ: readers, Access.WRITE: writers, Access.EXECUTOR: (TOKENS,)}
    return Authentication("agent", "/slave(1)", required, lists)


def with_task(check: Callable[[Web, aiohttp.ClientSession, str], Awaitable[None]], lists: Acls | None = None) -> None:
    """With the id of the container of an executor whose task runs."""

    async def scenario(web: Web, session: aiohttp.ClientSession) -> None:
        web.run(task("a"))
        web.subscribe()
        web.update("a", TaskState.TASK_RUNNING)
        (_, executor), *_ = web.agent.ledger.executors()
        await check(web, session, executor.container_id)

    with_web(scenario, asked(lists))


async def call(
    web: Web, session: aiohttp.ClientSession, kind: str, fields: dict[str, Any] | None, who: str | None
) -> tuple[int, str]:
    body: dict[str, Any] = {"type": kind} | ({kind.lower(): fields} if fields is not None else {})
    headers = {"Content-Type": "application/json"} | ({"Authorization": who} if who else {})
    async with session.post(f"{web.url}/api/v1", data=json.dumps(body), headers=headers) as answer:
        return answer.status, await answer.text()


def test_executors_show_their_tokens() -> None:
    async def check(web: Web, session: aiohttp.ClientSession, container_id: str) -> None:
        own = TOKENS.token(FRAMEWORK_ID.value, "a", container_id)
        other = TOKENS.token(FRAMEWORK_ID.value, "a", "another container")
        for token, expected in ((None, 401), ("nonsense", 401), (other, 403), (own, 202)):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            status, _, answered = await web.post(session, update(), Content_Type=MediaType.JSON, **headers)
            assert status == expected
            challenge = {str(name): value for name, value in dict(answered).items()}.get("WWW-Authenticate")
            assert challenge == ('Bearer realm="mesos-agent-executor"' if expected == 401 else None)
        status, _, _ = await web.post(session, subscribe(), Content_Type=MediaType.JSON, Authorization=OPS)
        assert status == 401, "operators are no executors"

    with_task(check)


def test_executors_touch_their_own_containers_only() -> None:
    async def check(web: Web, session: aiohttp.ClientSession, container_id: str) -> None:
        own = f"Bearer {TOKENS.token(FRAMEWORK_ID.value, 'a', container_id)}"
        for kind in NESTED:
            for root, expected in ((container_id, 404), ("another", 403)):
                fields = {"container_id": {"value": "child", "parent": {"value": root}}}
                found, _ = await call(web, session, f"{kind}_NESTED_CONTAINER", fields, own)
                if kind == "LAUNCH" and expected == 404:
                    assert found not in (401, 403)
                else:
                    assert found == expected, kind
        for kind in ("GET_STATE", "GET_FLAGS", "GET_TASKS"):
            assert (await call(web, session, kind, None, own))[0] == 403
            assert (await call(web, session, kind, None, None))[0] == 401
            assert (await call(web, session, kind, None, OPS))[0] == 200

    with_task(check)


def test_operators_touch_the_containers_they_may() -> None:
    names = [name for name, what in OBJECTS.items() if what == "users"]
    lists = acls(**{name: [(some("ops"), some("root")), (ANY, NONE)] for name in names})

    async def check(web: Web, session: aiohttp.ClientSession, container_id: str) -> None:
        fields: dict[str, Any] = {"container_id": {"value": "child", "parent": {"value": container_id}}}
        for kind in NESTED:
            assert (await call(web, session, f"{kind}_NESTED_CONTAINER", fields, GUEST))[0] == 403
            assert (await call(web, session, f"{kind}_NESTED_CONTAINER", fields, OPS))[0] != 403
        as_bob = fields | {"command": {"value": "true", "user": "bob"}}
        assert (await call(web, session, "LAUNCH_NESTED_CONTAINER", as_bob, OPS))[0] == 403

    with_task(check, lists)


@pytest.mark.parametrize(("who", "sees"), [(OPS, True), (GUEST, False)])
def test_operators_see_what_they_may(who: str, sees: bool) -> None:
    names = ("view_frameworks", "view_tasks", "view_executors", "view_containers", "view_flags")
    lists = acls(**{name: [(some("ops"), ANY), (ANY, NONE)] for name in names})

    async def check(web: Web, session: aiohttp.ClientSession, container_id: str) -> None:
        async def get(path: str) -> Any:
            async with session.get(f"{web.url}{path}", headers={"Authorization": who}) as answer:
                return await answer.json() if answer.status == 200 else answer.status

        state = await get("/state")
        assert bool(state["frameworks"]) is sees
        assert ("flags" in state) is sees
        assert bool(await get("/containers")) is sees
        assert ((await get("/flags")) == 403) is not sees
        for kind, field in (
            ("GET_FRAMEWORKS", "frameworks"),
            ("GET_TASKS", "launched_tasks"),
            ("GET_EXECUTORS", "executors"),
        ):
            _, text = await call(web, session, kind, None, who)
            assert bool(json.loads(text)[kind.lower()].get(field)) is sees, kind

    with_task(check, lists)
