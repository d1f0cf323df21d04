"""Checks and health checks: when a task is tried, and what is made of the results."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.executor.checks.machine import TaskChecks
from mesosctl.runtime.executor.checks.probes import LoopProber, connects, http_status
from mesosctl.runtime.executor.checks.targets import CommandTarget, HttpTarget, Result, Target, TcpTarget
from mesosctl.runtime.protocol.basics import AgentID, TaskID
from mesosctl.runtime.protocol.containers import CommandInfo, NetworkInfo
from mesosctl.runtime.protocol.tasks import CheckInfo, CheckStatusInfo, HealthCheck, TaskInfo

COMMAND = CommandInfo(value="true")
HANGS = object()
TIMES = {"delay_seconds": 1.0, "interval_seconds": 10.0, "timeout_seconds": 5.0}


def task(health_check: HealthCheck | None = None, check: CheckInfo | None = None) -> TaskInfo:
    return TaskInfo(name="t", task_id=TaskID("t"), agent_id=AgentID("a"), health_check=health_check, check=check)


def health(grace: float = 0.0, failures: int = 3) -> HealthCheck:
    return HealthCheck(
        type=HealthCheck.Type.COMMAND,
        command=COMMAND,
        consecutive_failures=failures,
        grace_period_seconds=grace,
        **TIMES,
    )


def command_check() -> CheckInfo:
    return CheckInfo(type=CheckInfo.Type.COMMAND, command=CheckInfo.Command(COMMAND), **TIMES)


class Bench:
    """Tries that take one second and have the results in `script`; the last one again and again."""

    def __init__(self, info: TaskInfo, script: list[object]) -> None:
        self.clock = SimulatedClock(0.0)
        self.tried: list[tuple[float, Target]] = []
        self.given_up: list[float] = []
        self.reports: list[tuple[float, bool, bool]] = []
        self.statuses: list[tuple[float, CheckStatusInfo]] = []
        self._script = script
        self.checks = TaskChecks(info, self.clock, self, self)

    def probe(self, target: Target, done: Callable[[Result], None]) -> Callable[[], None]:
        self.tried.append((self.clock.now(), target))
        result = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if result is HANGS:
            return lambda: self.given_up.append(self.clock.now())
        timer = self.clock.after(1.0, lambda: done(result))  # type: ignore[arg-type]
        return timer.cancel

    def health_changed(self, healthy: bool, *, must_kill: bool) -> None:
        self.reports.append((self.clock.now(), healthy, must_kill))

    def check_changed(self, status: CheckStatusInfo) -> None:
        self.statuses.append((self.clock.now(), status))

    def times(self) -> list[float]:
        return [when for when, _ in self.tried]


def test_the_first_try_waits_for_the_delay_and_the_next_for_the_interval_after_it() -> None:
    bench = Bench(task(health()), [0])
    bench.clock.advance(30)
    assert bench.times() == [1, 12, 23]
    assert bench.reports == [(2, True, False)]


def test_every_failure_is_reported_and_the_last_one_kills() -> None:
    bench = Bench(task(health(failures=3)), [1, 127, 1])
    bench.clock.advance(24)
    assert bench.reports == [(2, False, False), (13, False, False), (24, False, True)]


def test_a_recovery_is_reported_and_counts_anew() -> None:
    bench = Bench(task(health(failures=2)), [0, 1, 0, 0, 1, 1])
    bench.clock.advance(60)
    assert [(healthy, kill) for _, healthy, kill in bench.reports] == [
        (True, False),
        (False, False),
        (True, False),
        (False, False),
        (False, True),
    ]


def test_failures_within_the_grace_period_do_not_count() -> None:
    bench = Bench(task(health(grace=20, failures=1)), [1])
    bench.clock.advance(25)
    assert bench.reports == [(24, False, True)]


def test_the_grace_period_ends_with_the_first_success() -> None:
    bench = Bench(task(health(grace=1000)), [1, 0, 1])
    bench.clock.advance(30)
    assert bench.reports == [(13, True, False), (24, False, False)]


def test_a_try_that_takes_too_long_is_given_up_and_has_failed() -> None:
    bench = Bench(task(health()), [HANGS, 0])
    bench.clock.advance(20)
    assert bench.given_up == [6]
    assert bench.times() == [1, 16]
    assert bench.reports == [(6, False, False), (17, True, False)]


def test_a_check_reports_changes_only() -> None:
    bench = Bench(task(check=command_check()), [0, 0, 3, 3, HANGS, 0])
    bench.clock.advance(100)
    codes = [status.command and status.command.exit_code for _, status in bench.statuses]
    assert codes == [0, 3, None, 0]
    assert all(status.type is CheckInfo.Type.COMMAND for _, status in bench.statuses)


def test_a_check_without_a_result_says_nothing_at_first() -> None:
    bench = Bench(task(check=command_check()), [None])
    bench.clock.advance(100)
    assert bench.statuses == []


def test_pause_gives_up_and_resume_tries_at_once() -> None:
    bench = Bench(task(health(), command_check()), [HANGS, HANGS, 0])
    bench.clock.advance(2)
    bench.checks.pause()
    assert bench.given_up == [2, 2]
    bench.clock.advance(100)
    bench.checks.resume()
    bench.clock.advance(1)
    assert bench.times() == [1, 1, 102, 102]
    assert bench.reports == [(103, True, False)]


def test_a_check_that_stops_itself_while_it_reports() -> None:
    bench = Bench(task(health(failures=1)), [1])
    bench.health_changed = lambda healthy, *, must_kill: bench.checks.pause()  # type: ignore[method-assign]
    bench.clock.advance(100)
    assert bench.times() == [1]


@pytest.mark.parametrize(
    ("check", "target"),
    [
        (CheckInfo(type=CheckInfo.Type.HTTP, http=CheckInfo.Http(80, "/ok")), HttpTarget(80, "/ok")),
        (CheckInfo(type=CheckInfo.Type.TCP, tcp=CheckInfo.Tcp(80)), TcpTarget(80)),
        (CheckInfo(type=CheckInfo.Type.COMMAND, command=CheckInfo.Command(COMMAND)), CommandTarget(COMMAND)),
        (
            HealthCheck(type=HealthCheck.Type.HTTP, http=HealthCheck.HTTPCheckInfo(port=80, scheme="https")),
            HttpTarget(80, "", "https"),
        ),
        (
            HealthCheck(
                type=HealthCheck.Type.TCP,
                tcp=HealthCheck.TCPCheckInfo(port=80, protocol=NetworkInfo.Protocol.IPv6),
            ),
            TcpTarget(80, is_ipv6=True),
        ),
    ],
)
def test_what_is_tried(check: CheckInfo | HealthCheck, target: Target) -> None:
    info = task(check=check) if isinstance(check, CheckInfo) else task(check)
    bench = Bench(info, [200])
    bench.clock.advance(20)
    assert bench.tried[0][1] == target


@pytest.mark.parametrize(("code", "healthy"), [(199, False), (200, True), (399, True), (404, False), (500, False)])
def test_which_http_statuses_are_healthy(code: int, healthy: bool) -> None:
    http = HealthCheck(
        type=HealthCheck.Type.HTTP, http=HealthCheck.HTTPCheckInfo(port=80), grace_period_seconds=0, **TIMES
    )
    bench = Bench(task(http), [code])
    bench.clock.advance(3)
    assert bench.reports == [(2, healthy, False)]


# The tries themselves, on real sockets


@contextlib.asynccontextmanager
async def server(answers: dict[str, str], host: str = "127.0.0.1"):  # type: ignore[no-untyped-def]
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            writer.write(answers[request.split(" ")[1]].encode())
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, host, 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


def test_http_answers() -> None:
    answers = {
        "/": "HTTP/1.1 204 No Content\r\n\r\n",
        "/moved?a=b": "HTTP/1.1 302 Found\r\nLocation: /gone\r\n\r\n",
        "/gone": "HTTP/1.1 410\r\nContent-Length: 0\r\n\r\n",
        "/round": "HTTP/1.1 302 Found\r\nlocation: /round\r\n\r\n",
        "/nonsense": "hello\r\n\r\n",
        "/nothing": "",
    }

    async def ask() -> None:
        async with server(answers) as port:
            base = f"http://127.0.0.1:{port}"
            assert await http_status(base) == 204
            assert await http_status(f"{base}/moved?a=b") == 410
            with pytest.raises(ValueError, match="redirections"):
                await http_status(f"{base}/round")
            with pytest.raises(ValueError, match="not HTTP"):
                await http_status(f"{base}/nonsense")
            with pytest.raises(EOFError):
                await http_status(f"{base}/nothing")

    asyncio.run(ask())


def test_the_prober_gives_results_or_says_why_not() -> None:
    async def command(info: CommandInfo) -> int:
        if info.value == "missing":
            raise FileNotFoundError("missing")
        return 7

    async def probe() -> None:
        problems: list[str] = []
        prober = LoopProber(command, problems.append)

        async def result(target: Target) -> Result:
            done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
            prober.probe(target, done.set_result)
            return await done

        async with server({"/x": "HTTP/1.1 200 OK\r\n\r\n"}) as port:
            assert await result(HttpTarget(port, "x")) == 200
            assert await result(TcpTarget(port)) is True
            assert await connects("127.0.0.1", port)
        assert problems == []
        assert await result(TcpTarget(port)) is False
        assert await result(HttpTarget(port)) is None
        assert await result(CommandTarget(COMMAND)) == 7
        assert await result(CommandTarget(CommandInfo(value="missing"))) is None
        assert len(problems) == 2

    asyncio.run(probe())


def test_a_try_that_was_given_up_has_no_result() -> None:
    async def probe() -> None:
        killed: list[bool] = []

        async def command(info: CommandInfo) -> int:
            try:
                await asyncio.sleep(1000)
            finally:
                killed.append(True)
            return 0

        results: list[Result] = []
        give_up = LoopProber(command, lambda _: None).probe(CommandTarget(COMMAND), results.append)
        await asyncio.sleep(0)
        give_up()
        await asyncio.sleep(0)
        assert (killed, results) == ([True], [])

    asyncio.run(probe())
