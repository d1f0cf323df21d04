"""A real agent with real executors and tasks, against a master that the test plays."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.protocol.basics import DurationInfo, ExecutorID, TaskID
from mesosctl.runtime.protocol.containers import CommandInfo, Environment, KillPolicy
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskStatus
from tests.integration.agent import TERMINAL, AgentProcess, eventually, processes_of, running_agent
from tests.integration.fake_master import AGENT_ID, FRAMEWORK, FRAMEWORK_ID, FakeMaster


@pytest.fixture
def agent(master: FakeMaster, tmp_path: Path) -> Iterator[AgentProcess]:
    with running_agent(master, tmp_path) as agent:
        yield agent


def test_registers_with_what_it_has(master: FakeMaster, tmp_path: Path) -> None:
    agent = AgentProcess(master.address, tmp_path, "--resources=cpus:3;ports:[1-5]")
    try:
        register = master.registrations.get(timeout=30)
    finally:
        agent.stop()
    names = {resource.name: resource for resource in register.agent.resources}
    assert set(names) == {"cpus", "mem", "disk", "ports"}
    assert names["cpus"].scalar is not None
    assert names["cpus"].scalar.value == 3
    assert register.agent.id is None
    assert register.agent.port == agent.port
    assert [(attribute.name, attribute.text and attribute.text.value) for attribute in register.agent.attributes] == [
        ("rack", "r1")
    ]


def test_runs_a_command(master: FakeMaster, agent: AgentProcess) -> None:
    environment = Environment(variables=(Environment.Variable(name="COLOUR", value="blue & green"),))
    command = CommandInfo(value='echo "out $COLOUR"; echo err >&2; pwd; env', environment=environment)
    master.run("a", command)
    statuses = master.statuses_until(lambda status: status.state in TERMINAL)
    assert [status.state for status in statuses] == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
    assert statuses[-1].message == "Command exited with status 0"
    for status in statuses:
        assert status.source is TaskStatus.Source.SOURCE_EXECUTOR
        assert status.agent_id == AGENT_ID
        assert status.container_status is not None
        assert status.container_status.executor_pid

    sandbox = agent.sandbox("a")
    out = sandbox.joinpath("stdout").read_text().splitlines()
    assert out[:2] == ["out blue & green", str(sandbox.resolve())]
    assert sandbox.joinpath("stderr").read_text() == "err\n"
    variables = dict(line.split("=", 1) for line in out[2:] if "=" in line)
    assert variables["MESOS_SANDBOX"] == variables["MESOS_DIRECTORY"] == str(sandbox.resolve())
    assert variables["MESOS_SLAVE_ID"] == AGENT_ID.value
    assert variables["MESOS_FRAMEWORK_ID"] == FRAMEWORK_ID.value
    assert variables["MESOS_EXECUTOR_ID"] == "a"
    assert variables["MESOS_AGENT_ENDPOINT"] == f"127.0.0.1:{agent.port}"
    assert variables["MESOS_CHECKPOINT"] == "0"
    assert variables["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"] == "5secs"
    assert "MESOS_ATTRIBUTES" not in variables
    eventually(lambda: agent.get("/state")["frameworks"] == [])
    (framework,) = agent.get("/state")["completed_frameworks"]
    assert framework["completed_executors"][0]["completed_tasks"][0]["state"] == "TASK_FINISHED"


def test_a_command_that_fails_and_one_that_is_no_program(master: FakeMaster, agent: AgentProcess) -> None:
    master.run("a", "exit 3")
    (*_, status) = master.statuses_until(lambda status: status.state in TERMINAL)
    assert (status.state, status.message) == ("TASK_FAILED", "Command exited with status 3")
    master.run("b", CommandInfo(shell=False, value="/no/such/program", arguments=("program",)))
    (*_, status) = master.statuses_until(lambda status: status.state in TERMINAL)
    assert status.state == "TASK_FAILED"
    assert "/no/such/program" in (status.message or "")


def test_arguments_without_a_shell(master: FakeMaster, agent: AgentProcess) -> None:
    master.run("a", CommandInfo(shell=False, value="/bin/echo", arguments=("echo", "$HOME", "a  b")))
    master.states_until("FINISHED")
    assert agent.sandbox("a").joinpath("stdout").read_text() == "$HOME a  b\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")
def test_runs_as_the_user_of_the_task(master: FakeMaster, agent: AgentProcess) -> None:
    master.run("a", CommandInfo(value="id -un; touch mine", user="nobody"))
    master.states_until("FINISHED")
    sandbox = agent.sandbox("a")
    assert sandbox.joinpath("stdout").read_text() == "nobody\n"
    assert sandbox.joinpath("mine").stat().st_uid == pwd.getpwnam("nobody").pw_uid


def test_an_unknown_user_fails_the_task(master: FakeMaster, agent: AgentProcess) -> None:
    master.run("a", CommandInfo(value="true", user="no-such-user"))
    (status,) = master.statuses_until(lambda status: status.state in TERMINAL)
    assert status.reason is TaskStatus.Reason.REASON_CONTAINER_LAUNCH_FAILED
    assert "no-such-user" in (status.message or "")


def test_a_kill_ends_the_whole_task(master: FakeMaster, agent: AgentProcess) -> None:
    master.run("a", "sleep 98761 & sleep 98762; echo never")
    master.states_until("RUNNING")
    eventually(lambda: len(processes_of("sleep 9876")) >= 2)
    master.send(internal.KillTask(FRAMEWORK_ID, TaskID("a")))
    assert master.states_until("KILLED") == ["KILLING", "KILLED"]
    eventually(lambda: processes_of("sleep 9876") == [])
    assert "never" not in agent.sandbox("a").joinpath("stdout").read_text()


def test_a_task_that_ignores_sigterm_is_killed_after_its_grace_period(master: FakeMaster, agent: AgentProcess) -> None:
    master.run(
        "a",
        "trap 'echo no' TERM; echo ready; while :; do sleep 0.1; done",
        kill_policy=KillPolicy(DurationInfo(1_500_000_000)),
    )
    master.states_until("RUNNING")
    eventually(lambda: "ready" in agent.sandbox("a").joinpath("stdout").read_text())
    master.send(internal.KillTask(FRAMEWORK_ID, TaskID("a")))
    start = time.monotonic()
    (*_, status) = master.statuses_until(lambda status: status.state in TERMINAL)
    assert time.monotonic() - start > 1.3
    assert (status.state, status.message) == ("TASK_KILLED", "Command terminated with signal Killed")
    assert "no" in agent.sandbox("a").joinpath("stdout").read_text()


def test_an_executor_that_is_killed_takes_its_task_along(master: FakeMaster, agent: AgentProcess) -> None:
    master.run("a", "setsid sleep 98763 & sleep 98764")
    (*_, running) = master.statuses_until(lambda status: status.state == "TASK_RUNNING")
    assert running.container_status is not None
    assert running.container_status.executor_pid is not None
    eventually(lambda: len(processes_of("sleep 98763")) >= 1)
    os.kill(running.container_status.executor_pid, signal.SIGKILL)
    (status,) = master.statuses_until(lambda status: status.state in TERMINAL)
    assert (status.state, status.reason) == ("TASK_FAILED", TaskStatus.Reason.REASON_EXECUTOR_TERMINATED)
    eventually(lambda: processes_of("sleep 98764") == [])


def test_an_executor_that_never_subscribes_is_killed(master: FakeMaster, tmp_path: Path) -> None:
    agent = AgentProcess(master.address, tmp_path, "--executor_registration_timeout=1secs")
    try:
        master.registrations.get(timeout=30)
        executor = ExecutorInfo(executor_id=ExecutorID("deaf"), command=CommandInfo(value="sleep 98765"))
        task = TaskInfo(name="a", task_id=TaskID("a"), agent_id=AGENT_ID)
        master.send(internal.RunTasks(FRAMEWORK, (task,), executor))
        (status,) = master.statuses_until(lambda status: status.state in TERMINAL)
        assert status.reason is TaskStatus.Reason.REASON_EXECUTOR_REGISTRATION_TIMEOUT
        assert master.wait_for(internal.ExecutorExited).executor_id == executor.executor_id
        assert processes_of("sleep 98765") == []
    finally:
        agent.stop()


CUSTOM_EXECUTOR = textwrap.dedent(
    """
    import base64, json, os, urllib.request, uuid

    url = f"http://{os.environ['MESOS_AGENT_ENDPOINT']}/slave(1)/api/v1/executor"
    ids = {
        "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
        "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
    }


    def call(type_, **fields):
        body = json.dumps({"type": type_, **ids, **fields}).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return urllib.request.urlopen(urllib.request.Request(url, body, headers))


    def update(task_id, state):
        status = {"task_id": task_id, "state": state, "source": "SOURCE_EXECUTOR", "data": "ZGF0YQ=="}
        status["uuid"] = base64.b64encode(uuid.uuid4().bytes).decode()
        call("UPDATE", update={"status": status})


    stream = call("SUBSCRIBE", subscribe={})
    while length := stream.readline():
        event = json.loads(stream.read(int(length)))
        if event["type"] == "LAUNCH":
            update(event["launch"]["task"]["task_id"], "TASK_RUNNING")
        elif event["type"] == "KILL":
            update(event["kill"]["task_id"], "TASK_KILLED")
        elif event["type"] == "MESSAGE":
            call("MESSAGE", message={"data": event["message"]["data"]})
        elif event["type"] == "SHUTDOWN":
            break
    """
)


def test_a_custom_executor(master: FakeMaster, agent: AgentProcess, tmp_path: Path) -> None:
    program = tmp_path / "executor.py"
    program.write_text(CUSTOM_EXECUTOR)
    executor = ExecutorInfo(
        executor_id=ExecutorID("mine"),
        command=CommandInfo(value=f"exec {sys.executable} {program}"),
        shutdown_grace_period=DurationInfo(60 * 10**9),
    )
    for name in ("a", "b"):
        task = TaskInfo(name=name, task_id=TaskID(name), agent_id=AGENT_ID, executor=executor)
        master.send(internal.RunTasks(FRAMEWORK, (task,), executor))
    statuses = master.statuses_until(lambda status: status.task_id.value == "b")
    assert {(status.task_id.value, status.state, status.data) for status in statuses} == {
        ("a", "TASK_RUNNING", b"data"),
        ("b", "TASK_RUNNING", b"data"),
    }
    master.send(internal.SchedulerMessage(FRAMEWORK_ID, executor.executor_id, b"ping\0"))
    assert master.wait_for(internal.ExecutorMessage).data == b"ping\0"
    (container,) = agent.get("/containers")
    assert container["executor_id"] == "mine"
    assert container["statistics"]["mem_rss_bytes"] > 0
    master.send(internal.KillTask(FRAMEWORK_ID, TaskID("a")))
    master.states_until("KILLED", "a")
    master.send(internal.ShutdownExecutor(FRAMEWORK_ID, executor.executor_id))
    (status,) = master.statuses_until(lambda status: status.state in TERMINAL)
    assert (status.task_id.value, status.reason) == ("b", TaskStatus.Reason.REASON_EXECUTOR_TERMINATED)
    assert master.wait_for(internal.ExecutorExited).status == 0


def test_an_update_that_is_not_acknowledged_comes_again(master: FakeMaster, agent: AgentProcess) -> None:
    master.run("a", "sleep 1000")
    first = master.wait_for(internal.StatusUpdate)
    start = time.monotonic()
    second = master.wait_for(internal.StatusUpdate)
    assert time.monotonic() - start > 5
    assert first.status == second.status
    assert second.latest is not None
    assert second.latest.state == "TASK_RUNNING"


def test_comes_back_with_its_tasks(master: FakeMaster, agent: AgentProcess) -> None:
    master.run("a", "sleep 1000")
    master.states_until("RUNNING")
    master.run("b", "sleep 0.5")
    master.states_until("RUNNING", "b")
    master.disconnect()
    register = master.registrations.get(timeout=30)
    assert register.agent.id == AGENT_ID
    assert {running.task.task_id.value for running in register.tasks} == {"a", "b"}
    assert [framework.id for framework in register.frameworks] == [FRAMEWORK_ID]
    (*_, status) = master.statuses_until(lambda status: status.state in TERMINAL)
    assert status.task_id.value == "b"


def test_connects_anew_when_pings_stop(tmp_path: Path) -> None:
    with FakeMaster() as master:
        master.ping_seconds = 0.2
        agent = AgentProcess(master.address, tmp_path)
        try:
            master.registrations.get(timeout=30)
            master.send(internal.Ping())
            master.wait_for(internal.Pong)
            assert master.registrations.get(timeout=30).agent.id == AGENT_ID
        finally:
            agent.stop()


def test_a_refused_agent_stops(master: FakeMaster, agent: AgentProcess) -> None:
    master.send(internal.Refused("Agent is gone"))
    assert agent.process.wait(timeout=20) == 1
    assert "Agent is gone" in agent.log.read_text()


def test_tasks_end_with_an_agent_that_is_killed(master: FakeMaster, agent: AgentProcess) -> None:
    master.run("a", "sleep 98766")
    master.states_until("RUNNING")
    agent.process.kill()
    agent.process.wait()
    eventually(lambda: processes_of("sleep 98766") == [])


def test_leaves_for_good_on_sigusr1(master: FakeMaster, agent: AgentProcess) -> None:
    master.run("a", "sleep 98767")
    master.states_until("RUNNING")
    agent.process.send_signal(signal.SIGUSR1)
    master.wait_for(internal.Unregister)
    assert agent.process.wait(timeout=20) == 0
    assert processes_of("sleep 98767") == []


def test_executors_outlive_the_nursery(master: FakeMaster, agent: AgentProcess) -> None:
    master.run("a", "sleep 2; echo done")
    master.states_until("RUNNING")
    children = Path(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children").read_text().split()
    (nursery,) = (int(pid) for pid in children if b"nursery" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(nursery, signal.SIGKILL)
    assert master.states_until("FINISHED") == ["FINISHED"]
    eventually(lambda: agent.get("/state")["frameworks"] == [])
    master.run("b", "true")
    assert master.states_until("FINISHED", "b")[-1] == "FINISHED"


def test_many_tasks_at_once(master: FakeMaster, agent: AgentProcess) -> None:
    tasks = tuple(
        TaskInfo(
            name=name,
            task_id=TaskID(name),
            agent_id=AGENT_ID,
            command=CommandInfo(value="true", environment=Environment((Environment.Variable("A", value="x" * 5000),))),
        )
        for name in (f"t{number}" for number in range(60))
    )
    master.send(internal.RunTasks(FRAMEWORK, tasks))
    finished: set[str] = set()
    while len(finished) < len(tasks):
        (*_, status) = master.statuses_until(lambda status: status.state in TERMINAL)
        assert status.state == "TASK_FINISHED"
        finished.add(status.task_id.value)


def test_wrong_flags_are_refused() -> None:
    for arguments, complaint in (
        (["--work_dir=/tmp/x"], "Flag 'master' is required"),
        (["--master=127.0.0.1:1", "--work_dir=/tmp", "--resources=cpus:many"], "cpus"),
        (["--master=127.0.0.1:1", "--work_dir=/tmp", "--attributes=rack"], "Invalid attribute"),
        (["--master=127.0.0.1:1", "--work_dir=/proc/no/such"], "/proc/no"),
    ):
        run = subprocess.run(
            [sys.executable, "-m", "mesosctl.runtime.agent", *arguments], capture_output=True, text=True, check=False
        )
        assert run.returncode == 1
        assert complaint in run.stderr
        assert "Traceback" not in run.stderr
