"""Executors on a real agent, against a master that the test plays: checks, task groups, nested containers."""

from __future__ import annotations

import base64
import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.protocol.basics import DurationInfo, ExecutorID, TaskID
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo, Environment, TTYInfo
from mesosctl.runtime.protocol.recordio import RecordDecoder
from mesosctl.runtime.protocol.resources import Volume
from mesosctl.runtime.protocol.tasks import CheckInfo, ExecutorInfo, HealthCheck, TaskInfo, TaskStatus
from tests.integration.agent import TERMINAL, AgentProcess, eventually, processes_of
from tests.integration.fake_master import AGENT_ID, FRAMEWORK, FRAMEWORK_ID, FakeMaster
from tests.integration.programs import Programs, Scheduler
from tests.integration.test_agent_recovery import CHECKPOINTED, Site

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
            eventually(lambda: agent.get("/state")["frameworks"] == [])
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


def test_a_task_that_fails_ends_its_pod(site: tuple[FakeMaster, AgentProcess]) -> None:
    master, _ = site
    master.send(group(member("fails", "sleep 0.2; exit 7"), member("stays", "exec sleep 98801"), name="failing"))
    found = ends(master, 2)
    assert (found["fails"].state, found["fails"].message) == ("TASK_FAILED", "Command exited with status 7")
    assert found["stays"].state == "TASK_KILLED"
    assert processes_of("sleep 98801") == []
    assert master.wait_for(internal.ExecutorExited).executor_id.value == "failing"


def test_a_pod_that_cannot_be_launched_whole(site: tuple[FakeMaster, AgentProcess]) -> None:
    master, _ = site
    bad = member("bad", "true", container=ContainerInfo(type=ContainerInfo.Type.MESOS, volumes=(outside_volume(),)))
    master.send(group(member("good", "exec sleep 98802"), bad, name="half"))
    found = ends(master, 2)
    assert (found["bad"].state, found["bad"].reason) == ("TASK_FAILED", Reason.REASON_CONTAINER_LAUNCH_FAILED)
    assert "within the sandbox" in (found["bad"].message or "")
    assert found["good"].state == "TASK_KILLED"
    master.wait_for(internal.ExecutorExited)


def outside_volume() -> Volume:
    path = Volume.Source.SandboxPath("../other", Volume.Source.SandboxPath.Type.PARENT)
    source = Volume.Source(type=Volume.Source.Type.SANDBOX_PATH, sandbox_path=path)
    return Volume(mode=Volume.Mode.RW, container_path="data", source=source)


def test_pods_on_one_executor_end_one_by_one(site: tuple[FakeMaster, AgentProcess]) -> None:
    """With checks that run in the sandbox and the environment of their task."""
    master, agent = site
    environment = Environment((Environment.Variable("COLOUR", value="blue"),))
    task = msgspec.structs.replace(
        member("checked", "", health_check=command_health('test "$COLOUR" = blue && test -e here')),
        command=CommandInfo(value="touch here; exec sleep 98803", environment=environment),
        check=CheckInfo(type=CheckInfo.Type.COMMAND, command=CheckInfo.Command(CommandInfo(value="exit 5")), **SOON),
    )
    master.send(group(task, name="two"))
    statuses = master.statuses_until(lambda status: status.healthy is True and exit_code(status) == 5)
    assert {status.task_id.value for status in statuses} == {"checked"}
    master.send(group(member("first", "exec sleep 98804"), member("second", "exec sleep 98805"), name="two"))
    master.states_until("RUNNING", "second")
    master.send(internal.KillTask(FRAMEWORK_ID, TaskID("first")))
    assert {name: status.state for name, status in ends(master, 2).items()} == {
        "first": "TASK_KILLED",
        "second": "TASK_KILLED",
    }
    assert processes_of("sleep 98803")
    (own,) = containers(agent)
    (outer, inner) = containers(agent, show_nested=True)
    assert outer["container_id"] == own["container_id"] == inner["container_id"]["parent"]
    master.send(internal.ShutdownExecutor(FRAMEWORK_ID, ExecutorID("two")))
    assert ends(master, 1)["checked"].state == "TASK_KILLED"
    assert master.wait_for(internal.ExecutorExited).status == 0
    assert processes_of("sleep 98803") == []


def containers(agent: AgentProcess, **wanted: bool) -> list[dict[str, Any]]:
    """What GET_CONTAINERS tells, of one executor; a container of a check may come and go."""
    body = json.dumps({"type": "GET_CONTAINERS", "get_containers": wanted}).encode()
    headers = {"Content-Type": "application/json"}
    url = f"http://127.0.0.1:{agent.port}/api/v1"
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        found = json.load(answer)["get_containers"]["containers"]
    return [each for each in found if "parent" not in each["container_id"].get("parent", {})]


def exit_code(status: TaskStatus) -> int | None:
    return status.check_status.command.exit_code if status.check_status and status.check_status.command else None


def test_a_default_executor_that_is_killed_takes_its_pod_along(site: tuple[FakeMaster, AgentProcess]) -> None:
    master, _ = site
    master.send(group(member("left", "exec sleep 98806"), name="shot"))
    (*_, running) = master.statuses_until(lambda status: status.state == "TASK_RUNNING")
    assert running.container_status is not None
    assert running.container_status.executor_pid is not None
    os.kill(running.container_status.executor_pid, signal.SIGKILL)
    left = ends(master, 1)["left"]
    assert (left.state, left.reason) == ("TASK_FAILED", Reason.REASON_EXECUTOR_TERMINATED)
    assert master.wait_for(internal.ExecutorExited).status == signal.SIGKILL
    eventually(lambda: processes_of("sleep 98806") == [])


def test_a_session_in_a_running_task(site: tuple[FakeMaster, AgentProcess]) -> None:
    """What `mesos task exec` does, in the container of a command task."""
    master, agent = site
    master.run("host", "exec sleep 98807")
    (*_, running) = master.statuses_until(lambda status: status.state == "TASK_RUNNING")
    assert running.container_status is not None
    assert running.container_status.container_id is not None
    parent = {"value": running.container_status.container_id.value}
    launch = {"container_id": {"value": "exec", "parent": parent}, "command": {"value": "pwd; exit 3"}}
    body = {"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session": launch}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/recordio",
        "Message-Accept": "application/json",
    }
    url = f"http://127.0.0.1:{agent.port}/api/v1"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
        (record,) = RecordDecoder().feed(answer.read())
    data = json.loads(record)["data"]
    assert (data["type"], base64.b64decode(data["data"]).decode()) == ("STDOUT", f"{agent.sandbox('host').resolve()}\n")
    kill(master, "host")


def test_a_pod_outlives_its_agent(tmp_path: Path) -> None:
    with FakeMaster() as master:
        site = Site(master, tmp_path)
        site.start()
        try:
            pod = group(
                member("stays", "exec sleep 98809"),
                member("goes", "exec sleep 98810"),
                member("ends", "until test -e gate; do sleep 0.05; done; echo gone >../../end"),
            )
            master.send(msgspec.structs.replace(pod, framework=CHECKPOINTED))
            master.states_until("RUNNING", "ends")
            sandbox = site.agent.sandbox("pod").resolve()
            before = processes_of("sleep 98809")
            (goes,) = (pid for pid in processes_of("sleep 98810") if Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
            site.kill()
            (sandbox / "tasks" / "ends" / "gate").touch()
            eventually((sandbox / "end").exists)
            register = site.start()
            assert {running.task.task_id.value for running in register.tasks} == {"stays", "goes", "ends"}
            assert ends(master, 1)["ends"].state == "TASK_FINISHED"
            assert processes_of("sleep 98809") == before
            os.kill(goes, signal.SIGTERM)
            found = ends(master, 2)
            assert (found["goes"].state, found["goes"].message) == (
                "TASK_FAILED",
                "Command terminated with signal Terminated",
            )
            assert found["stays"].state == "TASK_KILLED"
            assert processes_of("sleep 98809") == []
            assert master.wait_for(internal.ExecutorExited).executor_id.value == "pod"
        finally:
            site.kill()


def test_a_pod_through_a_master(tmp_path: Path) -> None:
    programs = Programs(tmp_path)
    programs.start_master()
    programs.start_agent()
    try:
        scheduler = Scheduler(programs.master_port, checkpoint=True)
        offer = scheduler.event("OFFERS")["offers"][0]
        cpus, mem = ({"name": name, "type": "SCALAR", "scalar": {"value": 32}} for name in ("cpus", "mem"))
        cpus["scalar"] = {"value": 0.1}
        disk = {**mem, "name": "disk"}
        executor = {
            "executor_id": {"value": "pod"},
            "type": "DEFAULT",
            "framework_id": {"value": scheduler.framework_id},
            "resources": [cpus, mem, disk],
        }
        tasks = [
            {
                "name": name,
                "task_id": {"value": name},
                "agent_id": offer["agent_id"],
                "resources": [cpus, mem],
                "command": {"value": command},
            }
            for name, command in (("one", "exit 0"), ("two", "exec sleep 98808"))
        ]
        launch = {"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}}
        scheduler.call("ACCEPT", offer_ids=[offer["id"]], operations=[launch], filters={"refuse_seconds": 0})
        states: dict[str, list[str]] = {"one": [], "two": []}
        while "TASK_FINISHED" not in states["one"] or "TASK_RUNNING" not in states["two"]:
            status = scheduler.status()
            states[status["task_id"]["value"]].append(status["state"])
        assert states["one"] == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
        scheduler.call("KILL", task_id={"value": "two"})
        assert scheduler.until("TASK_KILLED")[-1] == "TASK_KILLED"
        failure = scheduler.event("FAILURE")
        assert (failure["executor_id"]["value"], failure["status"]) == ("pod", 0)
        scheduler.call("TEARDOWN")
    finally:
        programs.stop()


def test_a_check_is_delivered_and_reconciled(tmp_path: Path) -> None:
    """Also with the role of its task in its environment."""
    programs = Programs(tmp_path)
    programs.start_master()
    programs.start_agent()
    try:
        scheduler = Scheduler(programs.master_port)
        offer = scheduler.event("OFFERS")["offers"][0]
        check = {"command": {"command": {"value": "test \"$MESOS_ALLOCATION_ROLE\" = '*' && exit 42"}}, **SOON}
        task = {
            "name": "checked",
            "task_id": {"value": "checked"},
            "agent_id": offer["agent_id"],
            "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}}],
            "command": {"value": "exec sleep 98811"},
            "check": {"type": "COMMAND", **check},
        }
        launch = {"type": "LAUNCH", "launch": {"task_infos": [task]}}
        scheduler.call("ACCEPT", offer_ids=[offer["id"]], operations=[launch], filters={"refuse_seconds": 0})
        empty, wanted = {"type": "COMMAND", "command": {}}, {"type": "COMMAND", "command": {"exit_code": 42}}
        found = [scheduler.status() for _ in range(3)]
        assert [(each["state"], each["check_status"]) for each in found] == [
            ("TASK_STARTING", empty),
            ("TASK_RUNNING", empty),
            ("TASK_RUNNING", wanted),
        ]
        assert found[-1]["reason"] == "REASON_TASK_CHECK_STATUS_UPDATED"
        scheduler.call("RECONCILE", tasks=[{"task_id": {"value": "checked"}}])
        status = scheduler.status()
        assert (status["reason"], status["check_status"]) == ("REASON_RECONCILIATION", wanted)
        scheduler.call("TEARDOWN")
    finally:
        programs.stop()


def test_a_health_check_with_an_environment_and_arguments(site: tuple[FakeMaster, AgentProcess]) -> None:
    master, _ = site
    variable = Environment.Variable("COLOUR", value="green")
    command = CommandInfo(
        shell=False,
        value="/bin/sh",
        arguments=("sh", "-c", 'test "$COLOUR" = green'),
        environment=Environment((variable,)),
    )
    check = HealthCheck(type=HealthCheck.Type.COMMAND, command=command, **SOON)
    task_environment = Environment((Environment.Variable("COLOUR", value="blue"),))
    task = CommandInfo(value="exec sleep 1000", environment=task_environment)
    master.run("coloured", task, health_check=check)
    master.statuses_until(lambda status: status.healthy is True)
    kill(master, "coloured")


def test_a_pod_of_another_user(site: tuple[FakeMaster, AgentProcess]) -> None:
    """Its tasks write in their sandboxes; so do their health checks."""
    master, agent = site
    agent.log.parent.chmod(0o755)
    health = command_health(
        "id -un >checked && grep -q nobody checked", consecutive_failures=1, grace_period_seconds=60
    )
    task = msgspec.structs.replace(
        member("theirs", "", health_check=health),
        command=CommandInfo(value="id -un >mine; exec sleep 98812", user="nobody"),
    )
    master.send(group(task, name="users"))
    master.statuses_until(lambda status: status.healthy is True)
    sandbox = agent.sandbox("users") / "tasks" / "theirs"
    assert (sandbox / "mine").read_text() == (sandbox / "checked").read_text() == "nobody\n"
    kill(master, "theirs")
    master.wait_for(internal.ExecutorExited)


ON_A_TERMINAL = """
test -t 0 && test -t 1 && test -t 2 || exit 1
stat -c %U "$(tty)"; stty size; echo trouble >&2
set -m; (trap '' HUP; exec sleep 98813) &
exec sleep 98814
"""


def test_a_task_on_a_terminal(site: tuple[FakeMaster, AgentProcess]) -> None:
    """It is the task's user's, and what a shell puts into groups of their own ends with the task."""
    master, agent = site
    agent.log.parent.chmod(0o755)
    tty = TTYInfo(window_size=TTYInfo.WindowSize(rows=20, columns=30))
    container = ContainerInfo(type=ContainerInfo.Type.MESOS, tty_info=tty)
    command = CommandInfo(value=ON_A_TERMINAL, user="nobody")
    master.run("typed", command, container=container)
    master.states_until("RUNNING", "typed")
    written = agent.sandbox("typed") / "stdout"
    eventually(lambda: written.read_bytes().endswith(b"nobody\r\n20 30\r\ntrouble\r\n"))
    eventually(lambda: processes_of("sleep 98813") and processes_of("sleep 98814"))
    kill(master, "typed")
    eventually(lambda: not processes_of("sleep 98813") and not processes_of("sleep 98814"))

    master.run("counts", "seq 100000", container=container)
    master.states_until("FINISHED", "counts")
    assert (agent.sandbox("counts") / "stdout").read_bytes().endswith(b"\r\n99999\r\n100000\r\n")
    master.run("silent", "test -t 0")
    master.states_until("FAILED", "silent")
