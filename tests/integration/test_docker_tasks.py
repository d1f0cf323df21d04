"""Docker tasks on a real Docker engine, run by a real agent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.protocol.basics import DurationInfo, ExecutorID, Parameter, TaskID
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo, Environment, KillPolicy
from mesosctl.runtime.protocol.resources import Resource, Value, Volume
from mesosctl.runtime.protocol.tasks import ExecutorInfo, HealthCheck, TaskInfo, TaskStatus
from tests.integration.agent import TERMINAL, AgentProcess, eventually
from tests.integration.docker_engine import IMAGE, make_image
from tests.integration.fake_master import AGENT_ID, FRAMEWORK, FRAMEWORK_ID, FakeMaster
from tests.integration.test_agent_recovery import CHECKPOINTED, Site, site  # noqa: F401
from tests.ports import TASK_PORTS

Docker = ContainerInfo.DockerInfo
PYTHON = os.path.realpath(sys.executable)
"""The interpreter itself, outside of any virtual environment."""
MOUNTED = tuple(Parameter("volume", f"{path}:{path}:ro") for path in {"/usr", "/lib", "/lib64", sys.base_prefix})
"""What it needs of the host."""
SHELL = f"{IMAGE.partition(':')[0]}:shell"


@pytest.fixture(scope="module", autouse=True)
def image(docker_engine: None) -> Iterator[None]:
    make_image()
    make_image(SHELL, 'ENTRYPOINT ["/bin/sh", "-c"]')
    yield
    subprocess.run(["docker", "rmi", "-f", IMAGE, SHELL], check=False, capture_output=True)


@pytest.fixture
def agent(master: FakeMaster, tmp_path: Path) -> Iterator[AgentProcess]:
    tmp_path.chmod(0o755)
    agent = AgentProcess(master.address, tmp_path, "--containerizers=docker,mesos", "--docker_remove_delay=0secs")
    try:
        master.registrations.get(timeout=30)
        yield agent
        assert "Traceback" not in agent.log.read_text()
    finally:
        master.send(internal.ShutdownFramework(FRAMEWORK_ID))
        try:
            eventually(lambda: not containers_of(agent))
        finally:
            agent.stop()
            remove_containers_of(agent)


def containers_of(agent: AgentProcess, *options: str) -> list[str]:
    label = f"label=mesos.agent.work_dir={agent.work_dir}"
    command = ["docker", "ps", "-q", "--no-trunc", "--filter", label, *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def remove_containers_of(agent: AgentProcess) -> None:
    for container in containers_of(agent, "-a"):
        subprocess.run(["docker", "rm", "-f", container], check=False, capture_output=True)


def resources(**scalars: float) -> tuple[Resource, ...]:
    free = Value.Range(TASK_PORTS[0], TASK_PORTS[-1])
    ports = Resource(name="ports", type=Value.Type.RANGES, ranges=Value.Ranges((free,)))
    amounts = [
        Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(amount)) for name, amount in scalars.items()
    ]
    return (*amounts, ports)


def container(docker: Docker | None = None, **fields: Any) -> ContainerInfo:
    return ContainerInfo(type=ContainerInfo.Type.DOCKER, docker=docker or Docker(IMAGE), **fields)


def ended(master: FakeMaster) -> TaskStatus:
    return master.statuses_until(lambda status: status.state in TERMINAL)[-1]


def test_runs_a_command_in_a_container(master: FakeMaster, agent: AgentProcess, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.joinpath("given").write_text("given\n")
    volumes = (
        Volume(Volume.Mode.RO, "/given", str(shared)),
        Volume(Volume.Mode.RW, "data", "own"),
    )
    command = CommandInfo(
        value="env; cat /given/given; touch /given/new || echo read-only; echo kept > data/kept; cat /etc/hostname >&2;"
        " touch $MESOS_SANDBOX/there; echo $FROM_PARAMETER; cd $MESOS_SANDBOX; echo kept > data/kept;"
        " while ! ls go; do sleep 0.1; done 2>/dev/null",
        environment=Environment((Environment.Variable("COLOUR", value="blue & green"),)),
    )
    docker = Docker(
        IMAGE,
        Docker.Network.BRIDGE,
        parameters=(Parameter("env", "FROM_PARAMETER=yes"), Parameter("ulimit", "nofile=77:77")),
    )
    master.run("a", command, container=container(docker, volumes=volumes, hostname="inside"))
    starting, running = master.statuses_until(lambda status: status.state == "TASK_RUNNING")
    agent.sandbox("a").joinpath("go").touch()
    finished = ended(master)
    assert (starting.state, finished.state) == ("TASK_STARTING", "TASK_FINISHED")
    assert finished.message == "Container exited with status 0"
    assert running.data is not None
    (inspected,) = json.loads(running.data)
    assert running.container_status is not None
    assert inspected["Name"] == f"/mesos-{running.container_status.container_id.value}"  # type: ignore[union-attr]
    for status in (running, finished):
        assert status.container_status is not None
        (network,) = status.container_status.network_infos
        assert network.ip_addresses[0].ip_address == inspected["NetworkSettings"]["IPAddress"]
    sandbox = agent.sandbox("a")
    out = sandbox.joinpath("stdout").read_text().splitlines()
    assert {"COLOUR=blue & green", "MESOS_SANDBOX=/mnt/mesos/sandbox", "given", "read-only", "yes"} <= set(out)
    assert sandbox.joinpath("stderr").read_text().splitlines()[-1] == "inside"
    assert sandbox.joinpath("there").exists()
    assert sandbox.joinpath("own/kept").read_text() == "kept\n"
    eventually(lambda: not containers_of(agent, "-a"))


def test_arguments_of_the_entrypoint_and_exit_status(master: FakeMaster, agent: AgentProcess) -> None:
    command = CommandInfo(shell=False, arguments=("echo from the entrypoint; exit 3",))
    master.run("a", command, container=container(Docker(SHELL)))
    status = ended(master)
    assert (status.state, status.message) == ("TASK_FAILED", "Container exited with status 3")
    assert "from the entrypoint" in agent.sandbox("a").joinpath("stdout").read_text()


def test_a_port_of_the_bridge_is_reached(master: FakeMaster, agent: AgentProcess) -> None:
    program = "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port=80)"
    docker = Docker(
        IMAGE,
        Docker.Network.BRIDGE,
        (Docker.PortMapping(TASK_PORTS[-1], 80),),
        parameters=MOUNTED,
    )
    command = CommandInfo(shell=False, value=PYTHON, arguments=("-c", program))
    health = HealthCheck(
        type=HealthCheck.Type.COMMAND, command=CommandInfo(value="ls /bin/sh"), delay_seconds=0, interval_seconds=1
    )
    master.run("a", command, container=container(docker), resources=resources(mem=128), health_check=health)
    (*_, status) = master.statuses_until(lambda status: status.healthy is True)
    assert status.state == "TASK_RUNNING"

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{TASK_PORTS[-1]}/", timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    eventually(answers)
    (found,) = containers_of(agent)
    subprocess.run(["docker", "kill", found], check=True, capture_output=True)
    status = ended(master)
    assert (status.state, status.message) == ("TASK_FAILED", "Container exited with status 137")


def test_a_kill_is_sigterm_then_sigkill(master: FakeMaster, agent: AgentProcess) -> None:
    for name, trap, grace in (("a", "echo stopped; exit 0", 60), ("b", "", 0.5)):
        command = f"trap '{trap}' TERM; echo ready; while :; do sleep 0.1; done"
        policy = KillPolicy(DurationInfo(int(grace * 1e9)))
        master.run(name, command, container=container(), kill_policy=policy)
    for name in ("a", "b"):
        eventually(lambda name=name: "ready" in _text(agent.sandbox(name) / "stdout"))  # type: ignore[misc]
        master.send(internal.KillTask(FRAMEWORK_ID, TaskID(name)))
    ends = {}
    while len(ends) < 2:
        status = ended(master)
        ends[status.task_id.value] = (status.state, status.message)
    assert ends == {
        "a": ("TASK_KILLED", "Container exited with status 0"),
        "b": ("TASK_KILLED", "Container exited with status 137"),
    }
    assert "stopped" in agent.sandbox("a").joinpath("stdout").read_text()


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_a_task_over_its_memory(master: FakeMaster, agent: AgentProcess) -> None:
    master.run(
        "a",
        "head -c 200000000 /dev/zero | tail -c 199999999 > /dev/null; exit $?",
        container=container(Docker(IMAGE, parameters=(Parameter("memory-swap", "33554432"),))),
        resources=resources(cpus=0.1, mem=32),
    )
    status = ended(master)
    assert (status.state, status.reason) == (
        "TASK_FAILED",
        TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY,
    ), status.message
    assert "Memory limit exceeded: Requested: 32MB" in (status.message or "")


def test_what_cannot_be_run_says_why(master: FakeMaster, agent: AgentProcess) -> None:
    reason = TaskStatus.Reason
    for name, wish, problem in (
        ("image", container(Docker("127.0.0.1:1/no-such-image")), "Failed to pull image '127.0.0.1:1/no-such-image'"),
        ("forced", container(Docker("127.0.0.1:1/a", force_pull_image=True)), "Failed to pull image"),
        ("parameter", container(Docker(IMAGE, parameters=(Parameter("restart", "always"),))), "'restart'"),
    ):
        master.run(name, "true", container=wish)
        status = ended(master)
        assert (status.state, status.reason) == ("TASK_FAILED", reason.REASON_CONTAINER_LAUNCH_FAILED)
        assert problem in (status.message or "")
    master.run("program", CommandInfo(shell=False, value="/no/such/program"), container=container())
    status = ended(master)
    assert (status.state, status.reason) == ("TASK_FAILED", reason.REASON_COMMAND_EXECUTOR_FAILED)
    assert "/no/such/program" in (status.message or "")


CUSTOM_EXECUTOR = textwrap.dedent(
    """
    import base64, json, os, urllib.request, uuid
    url = f"http://{os.environ['MESOS_AGENT_ENDPOINT']}/api/v1/executor"
    ids = {"executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
           "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]}}
    def call(type_, **fields):
        body = json.dumps({"type": type_, **ids, **fields}).encode()
        return urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"}))
    stream = call("SUBSCRIBE", subscribe={})
    while length := stream.readline():
        event = json.loads(stream.read(int(length)))
        if event["type"] == "LAUNCH":
            number = base64.b64encode(uuid.uuid4().bytes).decode()
            status = {"task_id": event["launch"]["task"]["task_id"], "state": "TASK_RUNNING", "uuid": number,
                      "source": "SOURCE_EXECUTOR", "message": os.environ["MESOS_SANDBOX"]}
            call("UPDATE", update={"status": status})
        elif event["type"] == "SHUTDOWN":
            break
    """
)


def test_a_custom_executor_in_a_container(master: FakeMaster, agent: AgentProcess) -> None:
    executor = ExecutorInfo(
        executor_id=ExecutorID("mine"),
        command=CommandInfo(shell=False, value=PYTHON, arguments=("-c", CUSTOM_EXECUTOR)),
        container=container(Docker(IMAGE, parameters=MOUNTED)),
        resources=resources(cpus=0.1, mem=64),
        shutdown_grace_period=DurationInfo(60 * 10**9),
    )
    task = TaskInfo(name="a", task_id=TaskID("a"), agent_id=AGENT_ID, executor=executor)
    master.send(internal.RunTasks(FRAMEWORK, (task,), executor))
    (*_, status) = master.statuses_until(lambda status: status.state == "TASK_RUNNING")
    assert status.message == "/mnt/mesos/sandbox"
    master.send(internal.ShutdownExecutor(FRAMEWORK_ID, executor.executor_id))
    assert master.wait_for(internal.ExecutorExited).status == 0


def test_the_container_goes_with_its_executor(master: FakeMaster, agent: AgentProcess) -> None:
    master.run("a", "sleep 1000", container=container())
    (*_, running) = master.statuses_until(lambda status: status.state == "TASK_RUNNING")
    assert len(containers_of(agent)) == 1
    assert running.container_status is not None
    subprocess.run(["kill", "-9", str(running.container_status.executor_pid)], check=True)
    status = ended(master)
    assert (status.state, status.reason) == ("TASK_FAILED", TaskStatus.Reason.REASON_EXECUTOR_TERMINATED)
    assert not containers_of(agent)


def test_orphans_are_killed_at_the_start(master: FakeMaster, tmp_path: Path) -> None:
    label = f"mesos.agent.work_dir={tmp_path / 'work'}"
    for name, labels in (
        ("mesos-orphan", ["--label", label]),
        ("mesos-of-another", ["--label", "mesos.agent.work_dir=/x"]),
    ):
        subprocess.run(
            ["docker", "run", "-d", "--name", name, *labels, IMAGE, "sleep", "1000"], check=True, capture_output=True
        )
    agent = AgentProcess(master.address, tmp_path, "--containerizers=docker", "--docker_remove_delay=0secs")
    try:
        eventually(lambda: not containers_of(agent, "-a"))
        alive = subprocess.run(["docker", "ps", "--format", "{{.Names}}"], capture_output=True, text=True, check=True)
        assert "mesos-of-another" in alive.stdout
    finally:
        agent.stop()
        subprocess.run(["docker", "rm", "-f", "mesos-orphan", "mesos-of-another"], check=False, capture_output=True)


def test_tasks_outlive_the_agent(site: Site) -> None:  # noqa: F811
    """One goes on, one ends while there is no agent, the executor of one is killed meanwhile."""
    flags = ("--containerizers=docker,mesos", "--docker_remove_delay=0secs")
    site.start(*flags)
    tasks = tuple(
        TaskInfo(
            name=name,
            task_id=TaskID(name),
            agent_id=AGENT_ID,
            command=CommandInfo(value=command),
            container=container(),
        )
        for name, command in (
            ("long", "sleep 1000"),
            ("short", "while ! ls $MESOS_SANDBOX/gate; do sleep 0.1; done 2>/dev/null; exit 3"),
            ("orphan", "sleep 1000"),
        )
    )
    site.master.send(internal.RunTasks(CHECKPOINTED, tasks))
    pids = {}
    while len(pids) < 3:
        (*_, status) = site.master.statuses_until(lambda status: status.state == "TASK_RUNNING")
        assert status.container_status is not None
        pids[status.task_id.value] = status.container_status.executor_pid
    gate = site.agent.sandbox("short").resolve() / "gate"
    site.kill()
    gate.touch()
    subprocess.run(["kill", "-9", str(pids["orphan"])], check=True)
    eventually(lambda: len(containers_of(site.agent)) == 2)
    (lived,) = [found for found in containers_of(site.agent) if _name_of_task(found) == "long"]

    site.start(*flags)
    ends = {}
    while len(ends) < 2:
        status = ended(site.master)
        ends[status.task_id.value] = (status.state, status.message)
    assert ends["short"] == ("TASK_FAILED", "Container exited with status 3")
    assert ends["orphan"][0] == "TASK_FAILED"
    eventually(lambda: containers_of(site.agent, "-a") == [lived])
    site.master.send(internal.KillTask(FRAMEWORK_ID, TaskID("long")))
    assert ended(site.master).state == "TASK_KILLED"
    eventually(lambda: not containers_of(site.agent, "-a"))


def _name_of_task(container_id: str) -> str:
    """From the path of its sandbox."""
    form = "{{range .Mounts}}{{.Source}}{{end}}"
    command = ["docker", "inspect", "--format", form, container_id]
    source = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    return source.parts[source.parts.index("executors") + 1]
