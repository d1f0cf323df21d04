"""The scheduler client over HTTP, with masters that the test plays, and with ours."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from msgspec import convert

from mesosctl.runtime.framework import scheduler as client
from mesosctl.runtime.framework import session
from mesosctl.runtime.framework.errors import AbortedError, RefusedError
from mesosctl.runtime.framework.scheduler import Scheduler
from mesosctl.runtime.framework.session import Disconnected
from mesosctl.runtime.protocol.basics import AgentID, Credential, FrameworkID, OfferID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.recordio import frame
from mesosctl.runtime.protocol.scheduler import Call, Event
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from tests.unit.mesos_golden import Exchange, exchanges
from tests.unit.played import play, served
from tests.unit.test_master_http import Running
from tests.unit.test_master_http import run as with_master

INFO = FrameworkInfo(user="root", name="played", failover_timeout=60.0)
SUBSCRIBED = Event(type=Event.Type.SUBSCRIBED, subscribed=Event.Subscribed(FrameworkID("f1"), 15.0))
OFFER = Offer(id=OfferID("o1"), framework_id=FrameworkID("f1"), agent_id=AgentID("a1"), hostname="h")
OFFERS = Event(type=Event.Type.OFFERS, offers=Event.Offers((OFFER,)))
UPDATE = Event(
    type=Event.Type.UPDATE,
    update=Event.Update(
        TaskStatus(task_id=TaskID("t1"), state=TaskState.TASK_RUNNING, agent_id=AgentID("a1"), uuid=b"u" * 16)
    ),
)


class PlayedMaster:
    """Answers the n-th subscription with the n-th script: a status with a text or a place to go, or events.

    A stream ends with its script, but the last one, which stays open.
    """

    def __init__(self, *scripts: tuple[int, str] | list[Event]) -> None:
        self._scripts = list(scripts)
        self.subscriptions: list[Call] = []
        self.calls: list[tuple[str | None, Call]] = []
        self.headers: list[dict[str, str]] = []
        self.called = asyncio.Event()
        self.answer: tuple[int, str] = (202, "")
        self.address = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        media = MediaType(request.headers["Content-Type"])
        assert request.headers["Accept"] == media
        self.headers.append(dict(request.headers))
        call = decode(Call, await request.read(), media)
        if call.type is not Call.Type.SUBSCRIBE:
            self.calls.append((request.headers.get("Mesos-Stream-Id"), call))
            self.called.set()
            return web.Response(status=self.answer[0], text=self.answer[1])
        self.subscriptions.append(call)
        script = self._scripts.pop(0)
        if isinstance(script, tuple):
            status, text = script
            headers = {"Location": text} if status == 307 else {}
            return web.Response(status=status, text=text, headers=headers)
        stream_id = f"stream-{len(self.subscriptions)}"
        response = web.StreamResponse(headers={"Content-Type": media, "Mesos-Stream-Id": stream_id})
        await response.prepare(request)
        for event in script:
            await response.write(frame(encode(event, media)))
        if not self._scripts:
            await asyncio.Event().wait()
        return response


@asynccontextmanager
async def serving(master: PlayedMaster, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    async with served("/api/v1/scheduler", master.handle, tls) as port:
        master.address = f"127.0.0.1:{port}"
        yield


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_RETRY_SECONDS", 0.01)


async def take(scheduler: Scheduler, count: int) -> list[object]:
    return [await anext(scheduler) for _ in range(count)]


@pytest.mark.parametrize("media_type", [MediaType.JSON, MediaType.PROTOBUF])
def test_events_come_typed_and_updates_are_acknowledged_when_dealt_with(media_type: MediaType) -> None:
    async def scenario() -> None:
        master = PlayedMaster([SUBSCRIBED, Event(type=Event.Type.HEARTBEAT), OFFERS, UPDATE, OFFERS])
        async with serving(master), Scheduler(master.address, INFO, media_type=media_type) as scheduler:
            assert await take(scheduler, 3) == [SUBSCRIBED.subscribed, OFFERS.offers, UPDATE.update]
            assert scheduler.framework_id == FrameworkID("f1")
            assert not master.calls
            await anext(scheduler)
            stream_id, call = master.calls.pop()
            assert (stream_id, call.type, call.framework_id) == (
                "stream-1",
                Call.Type.ACKNOWLEDGE,
                FrameworkID("f1"),
            )
            assert call.acknowledge == Call.Acknowledge(AgentID("a1"), TaskID("t1"), b"u" * 16)
            assert await scheduler.decline([OFFER], refuse_seconds=1.5)
            _, call = master.calls.pop()
            assert call.decline
            assert call.decline.filters
            assert (call.decline.offer_ids, call.decline.filters.refuse_seconds) == ((OFFER.id,), 1.5)

    play(scenario)


def test_the_last_update_is_acknowledged_on_leaving_unless_something_went_wrong() -> None:
    async def scenario(fail: bool) -> None:
        master = PlayedMaster([SUBSCRIBED, UPDATE])
        async with serving(master):
            try:
                async with Scheduler(master.address, INFO) as scheduler:
                    await take(scheduler, 2)
                    if fail:
                        raise KeyError
            except KeyError:
                pass
        assert [call.type for _, call in master.calls] == ([] if fail else [Call.Type.ACKNOWLEDGE])

    play(lambda: scenario(fail=False))
    play(lambda: scenario(fail=True))


def test_a_scheduler_comes_back_with_its_id_and_drops_void_offers() -> None:
    async def scenario() -> None:
        master = PlayedMaster([SUBSCRIBED, OFFERS], [SUBSCRIBED, UPDATE])
        async with serving(master), Scheduler(master.address, INFO, acknowledge=False) as scheduler:
            while len(master.subscriptions) < 2:
                await asyncio.sleep(0.01)
            first, lost, second, update = await take(scheduler, 4)
            assert first == second == SUBSCRIBED.subscribed
            assert isinstance(lost, Disconnected)
            assert update == UPDATE.update
            assert master.subscriptions[0].framework_id is None
            assert master.subscriptions[1].framework_id == FrameworkID("f1")

    play(scenario)


def test_it_tries_again_where_nobody_leads_and_follows_to_the_leader() -> None:
    async def scenario() -> None:
        leader = PlayedMaster([SUBSCRIBED])
        async with serving(leader):
            follower = PlayedMaster((503, ""), (307, f"//{leader.address}/api/v1/scheduler"))
            async with serving(follower), Scheduler(follower.address, INFO) as scheduler:
                assert await anext(scheduler) == SUBSCRIBED.subscribed
                assert await scheduler.revive()
                assert not follower.calls
                assert len(leader.calls) == 1

    play(scenario)


def test_a_master_that_cannot_be_reached_is_waited_for() -> None:
    async def scenario() -> None:
        gone = PlayedMaster([SUBSCRIBED])
        async with serving(gone):
            pass
        async with Scheduler(gone.address, INFO) as scheduler:
            assert not await scheduler.revive()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await anext(scheduler)

    play(scenario)


def test_a_silent_master_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "HEARTBEAT_SECONDS", 0.1)

    async def scenario() -> None:
        master = PlayedMaster([], [SUBSCRIBED])
        async with serving(master), Scheduler(master.address, INFO) as scheduler:
            assert await anext(scheduler) == SUBSCRIBED.subscribed

    play(scenario)


def test_an_error_event_ends_the_events() -> None:
    async def scenario() -> None:
        error = Event(type=Event.Type.ERROR, error=Event.Error("Framework failed over"))
        master = PlayedMaster([SUBSCRIBED, UPDATE, error])
        async with serving(master), Scheduler(master.address, INFO) as scheduler:
            await take(scheduler, 2)
            with pytest.raises(AbortedError, match="Framework failed over"):
                await anext(scheduler)
        assert len(master.subscriptions) == 1

    play(scenario)


def test_a_refused_subscription_is_not_repeated() -> None:
    async def scenario() -> None:
        master = PlayedMaster((401, "Who are you?"))
        async with serving(master), Scheduler(master.address, INFO) as scheduler:
            with pytest.raises(RefusedError, match="401: Who are you"):
                await anext(scheduler)

    play(scenario)


@pytest.mark.parametrize(
    ("answer", "lost"),
    [
        ((400, "Failed to validate scheduler::Call: …"), False),
        ((400, "Framework cannot be found"), True),
        ((403, "Framework is not subscribed"), True),
        ((403, "Not allowed"), False),
        ((503, ""), True),
    ],
)
def test_a_refused_call_is_an_error_and_a_lost_one_makes_a_new_subscription(
    answer: tuple[int, str], lost: bool
) -> None:
    async def scenario() -> None:
        master = PlayedMaster([SUBSCRIBED])
        async with serving(master), Scheduler(master.address, INFO) as scheduler:
            await anext(scheduler)
            master.answer = answer
            if lost:
                master._scripts.append([SUBSCRIBED])
                assert not await scheduler.suppress()
                lost_event, again = await take(scheduler, 2)
                assert isinstance(lost_event, Disconnected)
                assert again == SUBSCRIBED.subscribed
                assert master.subscriptions[1].subscribe
                assert master.subscriptions[1].subscribe.suppressed_roles == ("*",)
            else:
                with pytest.raises(RefusedError):
                    await scheduler.suppress()

    play(scenario)


def test_reconciliation_asks_by_itself() -> None:
    async def scenario() -> None:
        master = PlayedMaster([SUBSCRIBED])
        async with serving(master), Scheduler(master.address, INFO) as scheduler:
            await scheduler.reconcile([(TaskID("t1"), AgentID("a1"))])
            await anext(scheduler)
            await master.called.wait()
            (_, call), *_ = master.calls
            assert call.reconcile == Call.Reconcile((Call.Reconcile.Task(TaskID("t1"), AgentID("a1")),))
            assert scheduler.reconciling == {TaskID("t1")}
            master.calls.clear()
            await scheduler.reconcile()
            assert master.calls[0][1].reconcile == Call.Reconcile()

    play(scenario)


def test_credentials_and_tls(tmp_path: Path) -> None:
    async def scenario() -> None:
        await certificate(tmp_path)
        own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        own.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        master = PlayedMaster([SUBSCRIBED])
        async with serving(master, own):
            port = master.address.rpartition(":")[2]
            address = f"localhost:{port}"
            credential = Credential("marathon", "päss:word")
            async with Scheduler(address, INFO, credential=credential, tls=trusting) as scheduler:
                await anext(scheduler)
                assert await scheduler.revive()
            expected = "Basic " + b64encode("marathon:päss:word".encode()).decode()
            assert {each["Authorization"] for each in master.headers} == {expected}
            assert master.subscriptions[0].subscribe
            assert master.subscriptions[0].subscribe.framework_info.principal == "marathon"
            master._scripts.append([SUBSCRIBED])
            async with Scheduler(address, INFO, tls=ssl.create_default_context()) as distrusting:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await anext(distrusting)

    play(scenario)


async def certificate(folder: Path) -> None:
    """A certificate for "localhost" that signs itself."""
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
        " -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
    )
    process = await asyncio.create_subprocess_exec(*command.split(), cwd=folder, stderr=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0


def test_a_master_that_cannot_be_named() -> None:
    async def scenario() -> None:
        async with Scheduler("zk://nowhere", INFO) as scheduler:
            with pytest.raises(ValueError, match="path"):
                await anext(scheduler)

    play(scenario)


RECORDED = [each for each in exchanges() if each.events and each.name.startswith("scheduler")]


@pytest.mark.parametrize("exchange", RECORDED, ids=lambda each: each.name)
def test_with_what_a_real_mesos_said(exchange: Exchange) -> None:
    """Every recorded event is delivered, in order; what asks for an acknowledgement gets it."""

    async def scenario() -> None:
        events = [
            decode(Event, b64decode(each["base64"]), MediaType.PROTOBUF) if "base64" in each else convert(each, Event)
            for each in exchange.events
        ]
        if len(events) > 1:  # an error at once would leave no time to acknowledge
            events = [each for each in events if each.type is not Event.Type.ERROR]
        master = PlayedMaster(events)
        found: list[object] = []
        async with serving(master), Scheduler(master.address, INFO) as scheduler:
            told = [each for each in events if each.type not in (Event.Type.HEARTBEAT, Event.Type.ERROR)]
            while len(found) < len(told):
                found.append(await anext(scheduler))
            if any(each.error for each in events):
                with pytest.raises(AbortedError):
                    await anext(scheduler)
        assert found == [getattr(each, each.type.value.lower()) for each in told if each.type]
        wanted = [each.update.status.uuid for each in told if each.update and each.update.status.uuid]
        assert [call.acknowledge.uuid for _, call in master.calls if call.acknowledge] == wanted

    play(scenario)


def test_with_our_master() -> None:
    """Subscribe, offers, a lost connection, the same id again, teardown."""

    async def scenario(running: Running) -> None:
        await running.register()
        master = running.url.removeprefix("http://")
        async with Scheduler(master, INFO) as scheduler:
            await take(scheduler, 2)
            for stream, _ in list(running.server._schedulers.values()):
                stream.close()
            lost, again, offers = await take(scheduler, 3)
            assert isinstance(lost, Disconnected)
            assert isinstance(again, Event.Subscribed)
            assert again.framework_id == scheduler.framework_id
            assert isinstance(offers, Event.Offers)
            assert await scheduler.decline(offers.offers)
            assert await scheduler.update_framework(FrameworkInfo(user="root", name="other", failover_timeout=1.0))
            with pytest.raises(RefusedError):
                await scheduler.update_framework(FrameworkInfo(user="nobody", name="other"))
            assert await scheduler.teardown()
            assert [event async for event in scheduler] == []
        assert len(running.server.master.state.completed) == 1

    with_master(scenario)
