"""Executors on a real agent, against a master that the test plays: checks, task groups, nested containers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.protocol.basics import DurationInfo, ExecutorID, TaskID
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo, Environment
from mesosctl.runtime.protocol.resources import Volume
from mesosctl.runtime.protocol.tasks import CheckInfo, ExecutorInfo, HealthCheck, TaskInfo, TaskStatus
from tests.integration.fake_master import AGENT_ID, FRAMEWORK, FRAMEWORK_ID, FakeMaster
from tests.integration.test_agent import TERMINAL, AgentProcess, eventually

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


def group(*tasks: TaskInfo, name: str = "pod") -> internal.RunTasks:
    executor = ExecutorInfo(
        executor_id=ExecutorID(name),
        type=ExecutorInfo.Type.DEFAULT,
        framework_id=FRAMEWORK_ID,
        shutdown_grace_period=DurationInfo(10**10),
    )
    return internal.RunTasks(FRAMEWORK, tasks, executor, group=True)


def member(name: str, command: str, **fields: object) -> TaskInfo:
    return TaskInfo(name=name, task_id=TaskID(name), agent_id=AGENT_ID, command=CommandInfo(value=command), **fields)


def ends(master: FakeMaster, count: int) -> dict[str, TaskStatus]:
    """The last statuses of so many tasks."""
    found: dict[str, TaskStatus] = {}
    while len(found) < count:
        (*_, status) = master.statuses_until(lambda status: status.state in TERMINAL)
        found[status.task_id.value] = status
    return found


def test_a_pod_whose_tasks_share_a_volume(site: tuple[FakeMaster, AgentProcess]) -> None:
    master, agent = site
    parent = Volume.Source.SandboxPath("shared", Volume.Source.SandboxPath.Type.PARENT)
    volume = Volume(
        mode=Volume.Mode.RW,
        container_path="data",
        source=Volume.Source(type=Volume.Source.Type.SANDBOX_PATH, sandbox_path=parent),
    )
    container = ContainerInfo(type=ContainerInfo.Type.MESOS, volumes=(volume,))
    master.send(
        group(
            member("writes", "echo $MESOS_SANDBOX >data/word.tmp; mv data/word.tmp data/word", container=container),
            member("reads", "until test -e data/word; do sleep 0.05; done; cat data/word", container=container),
        )
    )
    found = ends(master, 2)
    assert {name: status.state for name, status in found.items()} == {
        "writes": "TASK_FINISHED",
        "reads": "TASK_FINISHED",
    }
    status = found["reads"].container_status
    assert status is not None
    assert status.container_id is not None
    assert status.container_id.parent is not None
    pod = agent.sandbox("pod")
    written = (pod / "tasks" / "reads" / "stdout").read_text().strip()
    assert written == str((pod / "tasks" / "writes").resolve())
    assert (pod / "containers" / status.container_id.value / "stdout").read_text().strip() == written
    exited = master.wait_for(internal.ExecutorExited)
    assert (exited.executor_id.value, exited.status) == ("pod", 0)
