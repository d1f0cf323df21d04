"""An agent that is killed and started again while real tasks run, against a master that the test plays."""

from __future__ import annotations

import json
import os
import queue
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.agent.log_rotation import LOGGER
from mesosctl.runtime.agent.orphans import kill_orphans
from mesosctl.runtime.protocol.basics import ExecutorID, TaskID
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.resources import Resource, Volume
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskStatus
from mesosctl.runtime.resources import Resources
from tests.integration.agent import TERMINAL, AgentProcess, eventually, processes_of
from tests.integration.fake_master import AGENT_ID, FRAMEWORK, FRAMEWORK_ID, FakeMaster
from tests.integration.test_isolation import ROOT, groups, needs_cgroups

CHECKPOINTED = msgspec.structs.replace(FRAMEWORK, checkpoint=True)
Reason = TaskStatus.Reason
SLEEP = f"sleep 1{os.getpid()}"


class Site:
    """A master, and one agent after the other in the same directory and at the same port."""

    def __init__(self, master: FakeMaster, folder: Path) -> None:
        folder.chmod(0o755)
        self.master = master
        self.folder = folder
        self.port: int | None = None
        self.agent: AgentProcess
        self.flags = ["--executor_reregistration_timeout=15secs", "--resources=cpus:4;mem:4096;disk:4096"]

    @property
    def meta(self) -> Path:
        return self.folder / "work" / "meta"

    def launch(self, *flags: str) -> None:
        """Start an agent."""
        self.agent = AgentProcess(self.master.address, self.folder, *self.flags, *flags, port=self.port)
        self.port = self.agent.port

    def start(self, *flags: str) -> internal.Register:
        """Start an agent and wait until it registers."""
        self.launch(*flags)
        return self.master.registrations.get(timeout=60)

    def kill(self) -> None:
        self.agent.process.kill()
        self.agent.process.wait()

    def end(self) -> None:
        """With all that runs there."""
        try:
            self.master.send(internal.ShutdownFramework(FRAMEWORK_ID))
            if self.agent.process.poll() is None:
                eventually(lambda: self.agent.get("/state")["frameworks"] == [])
        finally:
            self.kill()
            kill_orphans(str(self.folder / "work"), ())

    def run(self, name: str, command: str, executor: ExecutorInfo | None = None) -> None:
        task = TaskInfo(name=name, task_id=TaskID(name), agent_id=AGENT_ID, command=CommandInfo(value=command))
        if executor:
            task = msgspec.structs.replace(task, command=None, executor=executor)
        self.master.send(internal.RunTasks(CHECKPOINTED, (task,), executor))

    def running(self, name: str, command: str) -> None:
        """Run a task until the agent has written down that its RUNNING was acknowledged."""
        self.run(name, command)
        self.master.states_until("RUNNING", name)
        eventually(lambda: self._acknowledged(name) == 2)

    def _acknowledged(self, name: str) -> int:
        """How many updates are written down as acknowledged; 0 where the agent removes something meanwhile."""
        with suppress(FileNotFoundError):
            files = self.meta.rglob(f"tasks/{name}/task.updates")
            return sum(path.read_text().count('"acknowledgement"') for path in files)
        return 0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with FakeMaster() as master:
        site = Site(master, tmp_path)
        yield site
        site.end()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_tasks_go_on(site: Site) -> None:
    """One task lives on, one ends while there is no agent, and nothing is told twice."""
    site.start()
    site.running("a", f"exec {SLEEP}41")
    site.running("b", "echo $PPID >> pids; while test ! -e gate; do sleep 0.05; done; exit 3")
    (before,) = processes_of(f"{SLEEP}41")
    sandbox = site.agent.sandbox("b").resolve()
    (nursery,) = children(site.agent.process.pid)
    site.kill()
    sandbox.joinpath("gate").touch()
    (executor,) = sandbox.joinpath("pids").read_text().split()
    eventually(lambda: not children(int(executor)))
    site.run("lost", "true")

    register = site.start()
    assert register.agent.id == AGENT_ID
    assert {running.task.task_id.value for running in register.tasks} == {"a", "b"}
    assert register.frameworks == (CHECKPOINTED,)
    (status,) = site.master.statuses_until(lambda status: status.state in TERMINAL)
    assert (status.task_id.value, status.state, status.message) == (
        "b",
        "TASK_FAILED",
        "Command exited with status 3",
    )
    assert processes_of(f"{SLEEP}41") == [before]
    (framework,) = site.agent.get("/state")["frameworks"]
    assert [executor["id"] for executor in framework["executors"]] == ["a"]
    eventually(lambda: not Path("/proc", str(nursery)).exists())

    site.running("c", f"exec {SLEEP}42")
    site.kill()
    register = site.start()
    assert {running.task.task_id.value for running in register.tasks} == {"a", "c"}
    site.master.send(internal.KillTask(FRAMEWORK_ID, TaskID("a")))
    assert site.master.states_until("KILLED", "a")[-2:] == ["KILLING", "KILLED"]


def test_the_executor_api_is_closed_until_the_agent_has_recovered(site: Site) -> None:
    """A checkpoint is a pipe here, which the agent waits for."""
    site.start()
    site.running("a", f"exec {SLEEP}52")
    site.kill()
    boot_id = site.meta / "boot_id"
    content = boot_id.read_bytes()
    boot_id.unlink()
    os.mkfifo(boot_id)
    site.launch()
    subscribe = {
        "type": "SUBSCRIBE",
        "framework_id": {"value": FRAMEWORK_ID.value},
        "executor_id": {"value": "a"},
        "subscribe": {"unacknowledged_tasks": [], "unacknowledged_updates": []},
    }
    answers: list[tuple[int, bytes]] = []

    def answered() -> bool:
        with suppress(ConnectionRefusedError):
            answers.append(site.agent.post("/api/v1/executor", subscribe))
        return bool(answers)

    eventually(answered)
    assert answers == [(503, b"Agent has not finished recovery")]
    assert site.agent.get("/version")["version"]
    boot_id.write_bytes(content)
    register = site.master.registrations.get(timeout=60)
    assert [running.task.task_id.value for running in register.tasks] == ["a"]
    (statistics,) = site.agent.get("/monitor/statistics")
    assert statistics["executor_id"] == "a"
    metrics = site.agent.get("/metrics/snapshot")
    assert metrics["slave/recovery_errors"] == 0
    assert metrics["slave/recovery_time_secs"] > 0
    assert metrics["gc/path_removals_failed"] == 0
    assert statistics["statistics"]["mem_rss_bytes"] > 0


def test_executors_that_are_gone_when_the_agent_comes_back(site: Site) -> None:
    """A command executor was killed; another process has the id of a custom executor."""
    site.start()
    site.running("a", f"exec {SLEEP}43")
    custom = ExecutorInfo(executor_id=ExecutorID("custom"), command=CommandInfo(value=f"exec {SLEEP}44"))
    site.run("b", "", custom)
    eventually(lambda: len(processes_of(f"{SLEEP}44")) == 1)
    eventually(lambda: len(list(site.meta.rglob("forked.pid"))) == 2)
    (forked,) = site.meta.rglob("custom/runs/*/pids/forked.pid")
    (executor,) = site.meta.rglob("executors/a/runs/*/pids/forked.pid")
    site.kill()
    os.kill(msgspec.json.decode(executor.read_bytes())["pid"], signal.SIGKILL)
    for pid in [*processes_of(f"{SLEEP}43"), *processes_of(f"{SLEEP}44")]:
        os.kill(pid, signal.SIGKILL)
    bystander = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    recorded = msgspec.json.decode(forked.read_bytes())
    forked.write_bytes(msgspec.json.encode(recorded | {"pid": bystander.pid}))
    site.meta.joinpath("slaves", AGENT_ID.value, "journal").unlink()
    try:
        site.start()
        ended: dict[str, TaskStatus] = {}
        while len(ended) < 2:
            (*_, status) = site.master.statuses_until(lambda status: status.state in TERMINAL)
            ended[status.task_id.value] = status
        for status in ended.values():
            assert (status.state, status.reason) == ("TASK_FAILED", Reason.REASON_EXECUTOR_TERMINATED)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_what_was_not_written_down_is_killed(site: Site) -> None:
    """Neither the task of a framework without checkpoint goes on, nor an executor that ignores the agent's end."""
    site.start()
    site.master.run("a", f"exec {SLEEP}46")
    site.master.states_until("RUNNING")
    custom = ExecutorInfo(executor_id=ExecutorID("custom"), command=CommandInfo(value=f"exec {SLEEP}47"))
    task = TaskInfo(name="b", task_id=TaskID("b"), agent_id=AGENT_ID, executor=custom)
    site.master.send(internal.RunTasks(FRAMEWORK, (task,), custom))
    eventually(lambda: len(processes_of(f"{SLEEP}47")) == 1)
    site.kill()
    assert not list(site.meta.rglob("framework.info"))
    register = site.start()
    assert register.agent.id == AGENT_ID
    assert (register.tasks, register.executors) == ((), ())
    eventually(lambda: processes_of(f"{SLEEP}46") + processes_of(f"{SLEEP}47") == [])


def test_executors_end_by_themselves(site: Site) -> None:
    site.start("--recovery_timeout=1secs")
    site.running("a", f"exec {SLEEP}48")
    site.kill()
    eventually(lambda: processes_of(f"{SLEEP}48") == [])
    site.start()
    (status,) = site.master.statuses_until(lambda status: status.state in TERMINAL)
    assert (status.state, status.reason) == ("TASK_FAILED", Reason.REASON_EXECUTOR_TERMINATED)


def test_changed_flags(site: Site) -> None:
    site.start("--attributes=rack:r1")
    site.running("a", f"exec {SLEEP}49")
    site.kill()
    site.launch("--attributes=rack:r2")
    assert site.agent.process.wait(60) == 1
    text = site.agent.log.read_text()
    assert "Failed to perform recovery: Incompatible agent info detected." in text
    assert f"rm -f {site.meta / 'slaves' / 'latest'}" in text
    assert "Traceback" not in text
    assert len(processes_of(f"{SLEEP}49")) == 1
    site.launch("--attributes=rack:r2", "--reconfiguration_policy=additive")
    assert site.agent.process.wait(60) == 1
    assert "attribute 'rack' changed" in site.agent.log.read_text()
    register = site.start("--attributes=rack:r1;size:9", "--reconfiguration_policy=additive")
    assert register.agent.id == AGENT_ID
    assert [attribute.name for attribute in register.agent.attributes] == ["rack", "size"]
    assert [running.task.task_id.value for running in register.tasks] == ["a"]
    site.kill()

    site.launch("--attributes=rack:r1;size:9", "--recover=cleanup")
    assert site.agent.process.wait(60) == 0
    assert processes_of(f"{SLEEP}49") == []
    assert site.start("--attributes=rack:r2").agent.id is None


@needs_cgroups
def test_changed_isolation(site: Site) -> None:
    """Tasks live on under an agent that would start them otherwise, and end with all their processes."""
    plain, held = "--isolation=posix", "--isolation=cgroups/all,namespaces/pid"
    root = f"--cgroups_root={ROOT}"
    site.start(plain, root)
    site.running("a", f"{SLEEP}53 & {SLEEP}53")
    site.kill()
    register = site.start(held, root)
    assert [running.task.task_id.value for running in register.tasks] == ["a"]
    site.running("b", f"{SLEEP}54 & {SLEEP}54")
    site.master.send(internal.KillTask(FRAMEWORK_ID, TaskID("a")))
    assert site.master.states_until("KILLED", "a")[-1] == "KILLED"
    eventually(lambda: processes_of(f"{SLEEP}53") == [])
    site.kill()
    register = site.start(plain, root)
    assert "b" in [running.task.task_id.value for running in register.tasks]
    site.master.send(internal.KillTask(FRAMEWORK_ID, TaskID("b")))
    assert site.master.states_until("KILLED", "b")[-1] == "KILLED"
    eventually(lambda: processes_of(f"{SLEEP}54") == [])
    site.kill()
    site.start(held, root)
    eventually(lambda: groups() == [])
    assert "Traceback" not in site.agent.log.read_text()


def test_two_agents_on_one_host(site: Site, tmp_path: Path) -> None:
    """Each takes its own tasks over, and leaves the other's alone."""
    folder = tmp_path / "second"
    folder.mkdir()
    with FakeMaster() as master:
        second = Site(master, folder)
        try:
            for each, name in ((site, "a"), (second, "b")):
                each.start()
                each.running(name, f"exec {SLEEP}55")
            before = sorted(processes_of(f"{SLEEP}55"))
            site.kill()
            second.kill()
            for each, name in ((second, "b"), (site, "a")):
                assert [running.task.task_id.value for running in each.start().tasks] == [name]
            assert sorted(processes_of(f"{SLEEP}55")) == before
        finally:
            second.end()


def test_volumes_stay(site: Site) -> None:
    (disk,) = Resources.parse("disk:64").messages()
    reservation = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role="db")
    info = Resource.DiskInfo(
        persistence=Resource.DiskInfo.Persistence("v1"),
        volume=Volume(container_path="data", mode=Volume.Mode.RW),
    )
    volume = msgspec.structs.replace(disk, reservations=(reservation,), disk=info)
    site.start()
    for count in (1, 2):
        site.master.send(internal.Checkpoint((volume,)))
        task = TaskInfo(
            name=f"t{count}",
            task_id=TaskID(f"t{count}"),
            agent_id=AGENT_ID,
            resources=(volume,),
            command=CommandInfo(value=f"echo {count} >> data/file"),
        )
        site.master.send(internal.RunTasks(CHECKPOINTED, (task,)))
        assert site.master.states_until("FINISHED", f"t{count}")[-1] == "FINISHED"
        site.kill()
        assert site.start().checkpointed == (volume,)
    directory = site.folder / "work" / "volumes" / "roles" / "db" / "v1"
    assert directory.joinpath("file").read_text() == "1\n2\n"
    site.master.send(internal.Checkpoint(()))
    eventually(lambda: not directory.exists())


def test_reboot(site: Site) -> None:
    site.start()
    site.running("a", f"exec {SLEEP}50")
    site.kill()
    site.meta.joinpath("boot_id").write_text("before")
    register = site.start()
    assert register.agent.id == AGENT_ID
    (status,) = site.master.statuses_until(lambda status: status.state in TERMINAL)
    assert (status.task_id.value, status.state) == ("a", "TASK_FAILED")
    eventually(lambda: processes_of(f"{SLEEP}50") == [])
    site.kill()
    site.meta.joinpath("boot_id").write_text("before")
    register = site.start("--attributes=new:1")
    assert register.agent.id is None


def test_leaving_for_good(site: Site) -> None:
    site.start()
    site.running("a", f"exec {SLEEP}51")
    site.agent.process.send_signal(signal.SIGUSR1)
    site.master.wait_for(internal.Unregister)
    assert site.agent.process.wait(60) == 0
    assert processes_of(f"{SLEEP}51") == []
    assert site.start().agent.id is None


def test_disk_space_comes_back(site: Site) -> None:
    """The sandbox of what ended goes, the output of what runs is bounded."""
    parameters = [{"key": "max_stdout_size", "value": "1KB"}, {"key": "logrotate_stdout_options", "value": "rotate 1"}]
    module = {"name": LOGGER, "parameters": parameters}
    modules = json.dumps({"libraries": [{"modules": [module]}]})
    site.start("--gc_delay=1ms", "--disk_watch_interval=100ms", f"--container_logger={LOGGER}", f"--modules={modules}")
    site.run("a", "true")
    site.master.states_until("FINISHED", "a")
    site.running("b", "while sleep 0.05; do printf %0200d 7; done")
    sandbox = site.agent.sandbox("b")
    eventually(lambda: not site.agent.sandbox("a").parent.parent.exists())
    eventually(sandbox.joinpath("stdout.1").exists)
    assert sandbox.joinpath("stderr").exists()
    site.kill()
    assert [running.task.task_id.value for running in site.start().tasks] == ["b"]
    executors = {path.parent.name for path in site.meta.glob("slaves/*/frameworks/*/executors/*/executor.info")}
    assert executors == {"b"}, "what was written down of the other is gone too"


class Ledger:
    """A master's book of tasks: launches them as agents register, acknowledges what it hears."""

    def __init__(self, site: Site, commands: dict[str, str]) -> None:
        self.ends: dict[str, set[bytes]] = {name: set() for name in commands}
        self.states: dict[str, str] = {}
        self._site = site
        self._commands = commands
        self._stop = False
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Ledger:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join()

    def registered(self, register: internal.Register, count: int) -> None:
        """Launch tasks: what the agent does not know, and of which no end was heard, never arrived there."""
        known = {running.task.task_id.value for running in register.tasks}
        missing = [name for name in self._commands if name not in known and not self.ends[name]]
        for name in missing[:count]:
            self._site.run(name, self._commands[name])

    def done(self) -> bool:
        return all(self.ends.values())

    def _listen(self) -> None:
        while not self._stop:
            try:
                message = self._site.master.received.get(timeout=0.1)
            except queue.Empty:
                continue
            if isinstance(message, internal.StatusUpdate):
                status = message.status
                assert status.uuid is not None
                name = status.task_id.value
                if status.state in TERMINAL:
                    self.ends[name].add(status.uuid)
                    self.states[name] = status.state
                self._site.master.send(internal.Acknowledge(FRAMEWORK_ID, status.task_id, status.uuid))


def test_killed_again_and_again(site: Site) -> None:
    """Every one of 100 short tasks ends once, although the agent is killed at 20 random moments."""
    choice = random.Random(2026)
    commands = {f"t{number}": f"sleep {choice.random():.2f}; echo ran >> ../../../../ran" for number in range(100)}
    with Ledger(site, commands) as ledger:
        for _ in range(20):
            ledger.registered(site.start(), 5)
            time.sleep(choice.random() * 0.6)
            site.kill()
        ledger.registered(site.start(), 100)
        eventually(ledger.done, 120)
        eventually(lambda: site.agent.get("/state")["frameworks"] == [], 60)
    assert {name: len(ends) for name, ends in ledger.ends.items()} == dict.fromkeys(commands, 1)
    assert "TASK_FINISHED" in ledger.states.values()
