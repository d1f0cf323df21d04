"""Executors on a real agent, against a master that the test plays: checks, task groups, nested containers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.protocol.basics import TaskID
from mesosctl.runtime.protocol.containers import CommandInfo, Environment
from mesosctl.runtime.protocol.tasks import CheckInfo, HealthCheck, TaskStatus
from tests.integration.fake_master import FRAMEWORK_ID, FakeMaster
from tests.integration.test_agent import AgentProcess, eventually

Reason = TaskStatus.Reason
SOON = {"delay_seconds": 0.0, "interval_seconds": 0.1}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeMaster, AgentProcess]]:
    """One agent for all tests of this module: each runs tasks of its own names."""
    folder = tmp_path_factory.mktemp("site")
    with FakeMaster() as master:
        agent = AgentProcess(master.address, folder)
        try:
            master.registrations.get(timeout=30)
            yield master, agent
        finally:
            master.send(internal.ShutdownFramework(FRAMEWORK_ID))
            agent.stop()


def command_health(value: str, **changes: object) -> HealthCheck:
    return HealthCheck(type=HealthCheck.Type.COMMAND, command=CommandInfo(value=value), **{**SOON, **changes})


def kill(master: FakeMaster, name: str) -> None:
    master.send(internal.KillTask(FRAMEWORK_ID, TaskID(name)))
    master.states_until("KILLED", name)


def test_a_health_check_that_flips(site: tuple[FakeMaster, AgentProcess]) -> None:
    """It runs in the sandbox and with the environment of its task."""
    master, agent = site
    check = command_health(
        'test "$COLOUR" = blue && test -e here && test ! -e sick', consecutive_failures=1000, grace_period_seconds=60
    )
    command = CommandInfo(
        value="touch here; exec sleep 1000",
        environment=Environment((Environment.Variable("COLOUR", value="blue"),)),
    )
    master.run("flips", command, health_check=check)
    (*_, healthy) = master.statuses_until(lambda status: status.healthy is True)
    assert (healthy.state, healthy.reason) == ("TASK_RUNNING", Reason.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED)
    sick = agent.sandbox("flips") / "sick"
    sick.touch()
    master.statuses_until(lambda status: status.healthy is False)
    sick.unlink()
    master.statuses_until(lambda status: status.healthy is True)
    kill(master, "flips")


def test_a_task_that_stays_unhealthy_is_killed(site: tuple[FakeMaster, AgentProcess]) -> None:
    master, _ = site
    check = command_health("exit 3", consecutive_failures=3, grace_period_seconds=0)
    master.run("ails", "exec sleep 1000", health_check=check)
    statuses = master.statuses_until(lambda status: status.state == "TASK_KILLED")
    assert [status.state.removeprefix("TASK_") for status in statuses] == [
        "STARTING",
        *["RUNNING"] * 4,
        "KILLING",
        "KILLED",
    ]
    assert [status.healthy for status in statuses] == [None, None, False, False, False, None, False]


def test_checks_over_the_network(site: tuple[FakeMaster, AgentProcess]) -> None:
    """The task opens its port late: the checks have no success, then one."""
    master, agent = site
    script = (
        "import http.server as h, time\n"
        "server = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler, bind_and_activate=False)\n"
        "server.server_bind(); print(server.server_address[1], flush=True); time.sleep(1)\n"
        "server.server_activate(); server.serve_forever()"
    )
    master.run("port", CommandInfo(shell=False, value="/usr/bin/env", arguments=("env", "python3", "-c", script)))
    master.states_until("RUNNING", "port")
    stdout = agent.sandbox("port") / "stdout"
    eventually(stdout.read_text)
    port = stdout.read_text().strip()
    http = HealthCheck(type=HealthCheck.Type.HTTP, http=HealthCheck.HTTPCheckInfo(port=int(port), path="/"), **SOON)
    tcp = CheckInfo(type=CheckInfo.Type.TCP, tcp=CheckInfo.Tcp(int(port)), **SOON)
    master.run("watches", "exec sleep 1000", health_check=http, check=tcp)
    statuses = master.statuses_until(
        lambda status: (
            status.healthy is True
            and status.check_status is not None
            and status.check_status.tcp is not None
            and status.check_status.tcp.succeeded is True
        )
    )
    assert statuses[-1].task_id.value == "watches"
    for name in ("port", "watches"):
        kill(master, name)
