"""The HTTP of an agent: the executor API in both encodings."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import aiohttp
import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.agent import host
from mesosctl.runtime.agent.core import Settings
from mesosctl.runtime.agent.endpoints import routes
from mesosctl.runtime.agent.executor_api import ExecutorApi
from mesosctl.runtime.agent.nested import NestedContainers
from mesosctl.runtime.agent.program import PREFIX
from mesosctl.runtime.agent.views import state
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.flags.load import load
from mesosctl.runtime.http.address import Address
from mesosctl.runtime.http.authentication import Authentication
from mesosctl.runtime.http.server import application, serve
from mesosctl.runtime.protocol.basics import ExecutorID, FrameworkID, TaskID
from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.executor import Call, Event
from mesosctl.runtime.protocol.recordio import RecordDecoder
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.tasks import CheckInfo, CheckStatusInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Resources
from tests.ports import free_port
from tests.unit.agent_bench import FRAMEWORK_ID, Bench, task, usage

JSON, PROTOBUF = MediaType.JSON, MediaType.PROTOBUF


class Web(Bench):
    """A bench with the agent's HTTP around it: one running task of a command executor, as when it was recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.api = ExecutorApi(0.05)
        self.api.agent = self.agent
        given = ["--master=127.0.0.1:5050", "--work_dir=/w", "--ip=127.0.0.1", "--log_dir=/l", "--attributes=rack:r1"]
        self.flags, _ = load(AgentFlags, given, {})
        self.nested = NestedContainers(lambda _: None, AsyncMock(), "/w", "127.0.0.1", switch_user=False)
        self.url = ""
        self.asked: Authentication | None = None

    def to_executor(self, container_id: str, event: Event) -> None:
        super().to_executor(container_id, event)
        self.api.send(container_id, event)

    async def post(
        self, session: aiohttp.ClientSession, call: Call | bytes, **headers: str
    ) -> tuple[int, str, aiohttp.typedefs.LooseHeaders]:
        body = encode(call) if isinstance(call, Call) else call
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with session.post(f"{self.url}/api/v1/executor", data=body, headers=sent) as answer:
            return answer.status, await answer.text(), answer.headers


@asynccontextmanager
async def running(web: Web) -> AsyncIterator[aiohttp.ClientSession]:
    port = free_port()
    address = Address("127.0.0.1", port, "127.0.0.1", port, "localhost")
    app = application(PREFIX, routes(web.agent, web.api, web.nested, web.flags, address, web.clock, usage))
    if web.asked:
        app.middlewares.append(web.asked.middleware())
    runner = await serve(app, "127.0.0.1", port)
    web.url = f"http://127.0.0.1:{port}"
    try:
        # Nothing is set that a request does not name: "no Content-Type" must mean that.
        async with aiohttp.ClientSession(skip_auto_headers=["Content-Type", "Accept"]) as session:
            yield session
    finally:
        await runner.cleanup()


def with_web(
    check: Callable[[Web, aiohttp.ClientSession], Awaitable[None]], asked: Authentication | None = None
) -> None:
    async def run() -> None:
        web = Web()
        web.asked = asked
        async with running(web) as session:
            await check(web, session)

    asyncio.run(run())


def update(name: str = "a", **changes: Any) -> Call:
    status = TaskStatus(
        task_id=TaskID(name),
        state=changes.pop("state", TaskState.TASK_RUNNING),
        source=changes.pop("source", TaskStatus.Source.SOURCE_EXECUTOR),
        uuid=changes.pop("uuid", uuid.uuid4().bytes),
        **changes,
    )
    return Call(
        executor_id=ExecutorID("a"), framework_id=FRAMEWORK_ID, type=Call.Type.UPDATE, update=Call.Update(status)
    )


def subscribe(executor: str = "a", framework: FrameworkID = FRAMEWORK_ID) -> Call:
    return Call(
        executor_id=ExecutorID(executor),
        framework_id=framework,
        type=Call.Type.SUBSCRIBE,
        subscribe=Call.Subscribe(),
    )


PREFIX_OF_INVALID = "Failed to validate executor::Call: "


@pytest.mark.parametrize(
    ("body", "headers", "status", "text"),
    [
        (subscribe(), {}, 400, "Expecting 'Content-Type' to be present"),
        (subscribe(), {"Content_Type": "text/plain"}, 415, None),
        (subscribe(), {"Content_Type": JSON, "Accept": "text/plain"}, 406, None),
        (b"{nope", {"Content_Type": JSON}, 400, "Failed to parse body into JSON: syntax error at line 1 near: nope"),
        (b"\xff\xff", {"Content_Type": PROTOBUF}, 400, "Failed to parse body into Call protobuf"),
        (b'{"type":"UPDATE"}', {"Content_Type": JSON}, 400, None),
        (subscribe("other"), {"Content_Type": JSON}, 400, "Executor cannot be found"),
        (subscribe(framework=FrameworkID("x")), {"Content_Type": JSON}, 400, "Framework cannot be found"),
        (update(), {"Content_Type": JSON}, 403, "Executor is not subscribed"),
        (update(uuid=None), {"Content_Type": JSON}, 400, f"{PREFIX_OF_INVALID}Expecting 'uuid' to be present"),
        (
            update(check_status=CheckStatusInfo()),
            {"Content_Type": JSON},
            400,
            f"{PREFIX_OF_INVALID}CheckStatusInfo must specify 'type'",
        ),
        (
            update(check_status=CheckStatusInfo(type=CheckInfo.Type.TCP)),
            {"Content_Type": JSON},
            400,
            f"{PREFIX_OF_INVALID}Expecting 'tcp' to be set for TCP check's status",
        ),
        (update(uuid=b"x"), {"Content_Type": JSON}, 400, f"{PREFIX_OF_INVALID}Not a valid UUID"),
        (update(state=TaskState.TASK_STAGING), {"Content_Type": JSON}, 400, None),
        (update(source=TaskStatus.Source.SOURCE_AGENT), {"Content_Type": JSON}, 400, None),
        (update(executor_id=ExecutorID("b")), {"Content_Type": JSON}, 400, None),
    ],
)
def test_bad_calls(body: Call | bytes, headers: dict[str, str], status: int, text: str | None) -> None:
    async def check(web: Web, session: aiohttp.ClientSession) -> None:
        web.run(task("a"))
        answered, answer, _ = await web.post(session, body, **headers)
        assert answered == status
        assert answer
        assert text in (None, answer)

    with_web(check)


@pytest.mark.parametrize("media_type", [JSON, PROTOBUF])
def test_an_executor_from_subscription_to_shutdown(media_type: MediaType) -> None:
    async def check(web: Web, session: aiohttp.ClientSession) -> None:
        web.run(task("a"))
        headers = {"Content-Type": media_type.value, "Accept": media_type.value}
        url = f"{web.url}{PREFIX}/api/v1/executor"
        async with session.post(url, data=encode(subscribe(), media_type), headers=headers) as stream:
            assert (stream.status, stream.headers["Content-Type"]) == (200, media_type.value)
            events = event_stream(stream, media_type)
            others = (event async for event in events if event.type is not Event.Type.HEARTBEAT)
            assert [(await anext(others)).type for _ in range(2)] == [Event.Type.SUBSCRIBED, Event.Type.LAUNCH]
            sent = update()
            async with session.post(url, data=encode(sent, media_type), headers=headers) as answer:
                assert (answer.status, await answer.read()) == (202, b"")
            acknowledged = (await anext(others)).acknowledged
            assert acknowledged is not None
            assert sent.update is not None
            assert acknowledged.uuid == sent.update.status.uuid
            assert (await anext(events)).type is Event.Type.HEARTBEAT
            web.api.close(web.launched[0].container_id)
            assert [event async for event in others] == []

    with_web(check)


async def event_stream(response: aiohttp.ClientResponse, media_type: MediaType) -> AsyncIterator[Event]:
    """The events, each of which must be one HTTP chunk."""
    records = RecordDecoder()
    async for chunk, _ in response.content.iter_chunks():
        found = records.feed(chunk)
        assert len(found) == 1 or not chunk
        for record in found:
            yield decode(Event, record, media_type)
    records.close()


def test_attributes() -> None:
    parsed = {attribute.name: attribute for attribute in host.attributes("rack:r1;level:10;ports:[1-3,5-6];a:b:c")}
    assert parsed["rack"].text is not None
    assert parsed["rack"].text.value == "r1"
    assert parsed["level"].scalar is not None
    assert parsed["level"].scalar.value == 10
    assert parsed["ports"].ranges is not None
    assert [(part.begin, part.end) for part in parsed["ports"].ranges.range] == [(1, 3), (5, 6)]
    assert parsed["a"].text is not None
    assert parsed["a"].text.value == "b:c"
    with pytest.raises(ValueError, match="Invalid attribute"):
        host.attributes("rack")


def test_resources_that_are_not_given_are_found(tmp_path: Path) -> None:
    found = host.resources("cpus:0.5;gpus:2", str(tmp_path))
    assert (found.scalar("cpus"), found.scalar("gpus")) == (0.5, 2)
    assert found.scalar("mem") > 0
    assert found.scalar("disk") > 0
    assert str(found.ranges("ports")) == "[31000-32000]"


def test_settings_hold_mesos_defaults() -> None:
    settings = Settings(ip="127.0.0.1")
    flags = Web().flags
    assert settings.registration_timeout == flags.executor_registration_timeout
    assert settings.shutdown_grace_period == flags.executor_shutdown_grace_period
    assert settings.max_completed_executors == flags.max_completed_executors_per_framework
    assert settings.switch_user == flags.switch_user


def test_state_shows_what_was_reserved_since() -> None:
    """Reservations and volumes that the master told the agent to keep."""
    bench = Bench()
    has = Resources.parse("cpus:2;mem:1024").messages()
    bench.agent.info = msgspec.structs.replace(bench.agent.info, resources=has)
    (mine,) = Resources.parse("cpus(db):0.5").messages()
    reservation = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role="db", principal="ops")
    reserved = msgspec.structs.replace(mine, reservations=(reservation,))
    bench.agent.from_master(internal.Checkpoint((reserved,)))
    used = msgspec.structs.replace(reserved, allocation_info=Resource.AllocationInfo("db"))
    bench.run(msgspec.structs.replace(task("a"), resources=(used,)))
    view = state(bench.agent, Address("10.0.0.1", 5051, "10.0.0.1", 5051, "agent.corp"), None, 0.0)
    assert view["resources"]["cpus"] == 2.0
    assert view["unreserved_resources"]["cpus"] == 1.5
    assert view["reserved_resources"]["db"]["cpus"] == 0.5
    assert view["reserved_resources_allocated"]["db"]["cpus"] == 0.5
    (full,) = view["reserved_resources_full"]["db"]
    assert (full.role, full.reservations[0].principal, full.scalar.value) == ("db", "ops", 0.5)
    assert {each.name for each in view["unreserved_resources_full"]} == {"cpus", "mem"}
