"""An agent that takes over from one that was killed: at any moment, with any of its checkpoints."""

from __future__ import annotations

import asyncio
import os
import pwd
import random
import shutil
import subprocess
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.agent import journal as journal_module
from mesosctl.runtime.agent.adopted import UNKNOWN_STATUS
from mesosctl.runtime.agent.checkpoint import LATEST, META
from mesosctl.runtime.agent.compatibility import incompatible
from mesosctl.runtime.agent.journal import Change, Journal, apply, replay
from mesosctl.runtime.agent.master_link import MasterLink
from mesosctl.runtime.agent.program import connect
from mesosctl.runtime.agent.recovery import Found, RecoveryError, find
from mesosctl.runtime.agent.takeover import take_over
from mesosctl.runtime.agent.volumes import keep_volumes, link_volumes
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.flags.load import load
from mesosctl.runtime.protocol.basics import FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import AgentInfo
from mesosctl.runtime.protocol.executor import Call
from mesosctl.runtime.protocol.resources import Attribute, Resource, Value, Volume
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Resources
from tests.unit.agent_bench import AGENT_ID, CUSTOM, MASTER, Bench, task

Reason = TaskStatus.Reason
TERMINAL = {TaskState.TASK_FINISHED, TaskState.TASK_FAILED, TaskState.TASK_DROPPED, TaskState.TASK_KILLED}


class Disk:
    """A store that writes at once, until it is told to stop: as far as an agent came that was killed."""

    def __init__(self, folder: Path, limit: float = float("inf")) -> None:
        self.work_dir = folder
        self.count = 0
        self._limit = limit

    @property
    def agent(self) -> Path:
        return self.work_dir / META / "slaves" / AGENT_ID.value

    def save(self, path: str, content: bytes) -> None:
        apply(self.work_dir / META, [Change(path, None, content.decode())])

    def register(self, agent_id: str, info: bytes) -> None:
        self.save(f"slaves/{agent_id}/slave.info", info)
        latest = self.work_dir / META / LATEST
        latest.unlink(missing_ok=True)
        latest.symlink_to(agent_id)

    def put(self, path: str, content: bytes) -> None:
        self._apply(Change(path, None, content.decode()))

    def add(self, path: str, line: bytes) -> None:
        file = self.agent / path
        self._apply(Change(path, file.stat().st_size if file.exists() else 0, f"{line.decode()}\n"))

    def remove(self, folder: str) -> None:
        self._apply(Change(folder, -1, ""))

    def _apply(self, change: Change) -> None:
        self.count += 1
        if self.count > self._limit:
            raise KilledError
        apply(self.agent, [change])


class KilledError(Exception):
    pass


def next_agent(folder: Path, boot_id: str = "b") -> Bench:
    found = find(str(folder), strict=True, boot_id=boot_id)
    return Bench(checkpoint=True, store=Disk(folder), found=found)


def adopted(bench: Bench, index: int = 0) -> None:
    """Let `records()` of a bench find what is adopted."""
    bench.launched = bench.adopted


def first_agent(folder: Path, limit: float = float("inf")) -> Bench:
    find(str(folder), strict=True, boot_id="b")
    return Bench(checkpoint=True, store=Disk(folder, limit))


def states(statuses: list[TaskStatus]) -> list[str]:
    return [status.state.removeprefix("TASK_") for status in statuses]


def test_tasks_and_updates_are_taken_over(tmp_path: Path) -> None:
    first = first_agent(tmp_path)
    first.run(task("a"))
    first.subscribe()
    first.update("a", TaskState.TASK_STARTING)
    assert states(first.acknowledge_all()) == ["STARTING"]
    running = first.update("a", TaskState.TASK_RUNNING)

    second = next_agent(tmp_path)
    adopted(second)
    (executor,) = second.adopted
    assert (executor.pid, executor.is_command, executor.container_id) == (4711, True, first.launched[0].container_id)
    assert second.agent.info.id == AGENT_ID
    assert second.agent.missing == {executor.container_id}
    finished = TaskStatus(task_id=TaskID("a"), state=TaskState.TASK_FINISHED, uuid=uuid.uuid4().bytes)
    second.subscribe(call=Call.Subscribe((), (Call.Update(running), Call.Update(finished))))
    assert second.agent.missing == set()
    assert second.event_types() == ["SUBSCRIBED", "ACKNOWLEDGED", "ACKNOWLEDGED"]
    assert second.sent == []
    (reported,) = second.agent.registration().tasks
    assert reported.status.state is TaskState.TASK_FINISHED
    second.agent.registered(AGENT_ID, MASTER)
    assert states(second.acknowledge_all()) == ["RUNNING", "FINISHED"]
    second.exit()
    assert second.agent.ledger.frameworks == {}

    third = next_agent(tmp_path)
    assert third.adopted == []
    (framework,) = third.agent.ledger.completed_frameworks.values()
    (executor,) = framework.completed
    assert [record.state for record in executor.completed] == [TaskState.TASK_FINISHED]


def test_acknowledged_end_of_a_task_whose_executor_lives_on(tmp_path: Path) -> None:
    first = first_agent(tmp_path)
    first.run(task("a"), executor=CUSTOM)
    first.run(task("b"), executor=CUSTOM)
    first.subscribe()
    finished = first.update("a", TaskState.TASK_FINISHED)
    first.update("b", TaskState.TASK_RUNNING)
    first.acknowledge_all()
    second = next_agent(tmp_path)
    adopted(second)
    second.subscribe(call=Call.Subscribe((), (Call.Update(finished),)))
    second.agent.registered(AGENT_ID, MASTER)
    assert second.acknowledge_all() == []
    assert [running.task.task_id.value for running in second.agent.registration().tasks] == ["b"]
    second.update("b", TaskState.TASK_FINISHED)
    assert states(second.acknowledge_all()) == ["FINISHED"]


def test_executor_that_does_not_come_back(tmp_path: Path) -> None:
    first = first_agent(tmp_path)
    first.run(task("a"))
    first.subscribe()
    first.update("a", TaskState.TASK_RUNNING)
    first.acknowledge_all()
    second = next_agent(tmp_path)
    adopted(second)
    second.clock.advance(2)
    assert second.destroyed == second.adopted
    second.exit(status=UNKNOWN_STATUS)
    assert second.agent.missing == set()
    second.agent.registered(AGENT_ID, MASTER)
    (status,) = second.acknowledge_all()
    assert (status.state, status.reason) == (TaskState.TASK_FAILED, Reason.REASON_EXECUTOR_REREGISTRATION_TIMEOUT)
    assert status.message == "Executor did not reregister within 2secs"


def test_task_that_never_reached_its_executor(tmp_path: Path) -> None:
    first = first_agent(tmp_path)
    first.run(task("a"))
    second = next_agent(tmp_path)
    adopted(second)
    second.subscribe()
    assert second.event_types() == ["SUBSCRIBED", "SHUTDOWN"]
    second.agent.registered(AGENT_ID, MASTER)
    (status,) = second.acknowledge_all()
    assert (status.state, status.reason) == (TaskState.TASK_DROPPED, Reason.REASON_AGENT_RESTARTED)


def test_task_whose_executor_was_not_started(tmp_path: Path) -> None:
    first = first_agent(tmp_path, limit=4)
    with pytest.raises(KilledError):
        first.run(task("a"))
    assert [*tmp_path.rglob("task.info")]
    assert not [*tmp_path.rglob("forked.pid")]
    second = next_agent(tmp_path)
    assert (second.adopted, second.agent.missing) == ([], set())
    second.agent.registered(AGENT_ID, MASTER)
    (status,) = second.acknowledge_all()
    assert (status.state, status.reason) == (TaskState.TASK_DROPPED, Reason.REASON_AGENT_RESTARTED)


def test_reboot(tmp_path: Path) -> None:
    first = first_agent(tmp_path)
    first.run(task("a"))
    first.subscribe()
    first.update("a", TaskState.TASK_RUNNING)
    second = next_agent(tmp_path, boot_id="other")
    assert (second.adopted, second.agent.missing) == ([], set())
    assert second.agent.registration().agent.id == AGENT_ID
    second.agent.registered(AGENT_ID, MASTER)
    statuses = second.acknowledge_all()
    assert states(statuses) == ["RUNNING", "FAILED"]
    assert statuses[-1].reason is Reason.REASON_EXECUTOR_TERMINATED
    assert second.agent.ledger.frameworks == {}


def test_framework_without_checkpoint_leaves_nothing(tmp_path: Path) -> None:
    find(str(tmp_path), strict=True, boot_id="b")
    first = Bench(store=Disk(tmp_path))
    first.run(task("a"))
    first.subscribe()
    first.update("a", TaskState.TASK_RUNNING)
    assert find(str(tmp_path), strict=True, boot_id="b").frameworks == []


def test_any_name_of_a_task(tmp_path: Path) -> None:
    first = first_agent(tmp_path)
    for name in ("..", "a/b", "a%2Fb", "ü"):
        first.run(TaskInfo(name=name, task_id=TaskID(name), agent_id=AGENT_ID), executor=CUSTOM)
    ((run,),) = (framework.runs for framework in find(str(tmp_path), strict=True, boot_id="b").frameworks)
    assert {each.info.task_id.value for each in run.tasks} == {"..", "a/b", "a%2Fb", "ü"}


def story(bench: Bench) -> None:
    """Two tasks of a custom executor and one of the command executor, to their ends."""
    bench.run(task("a"), task("b"), executor=CUSTOM)
    bench.run(task("c"))
    for index, names in ((0, "ab"), (1, "c")):
        bench.subscribe(index)
        for name in names:
            for state in (TaskState.TASK_STARTING, TaskState.TASK_RUNNING, TaskState.TASK_FINISHED):
                bench.update(name, state, index)
    bench.acknowledge_all()
    bench.exit(0)
    bench.exit(1)


def test_killed_at_every_write(tmp_path: Path) -> None:
    """Each task that the first agent wrote down ends once, whatever the first agent was doing when it was killed."""
    whole = first_agent(tmp_path / "whole")
    story(whole)
    store: Any = whole.agent._checkpoint._store
    assert store.count > 20
    for limit in range(store.count + 1):
        folder = tmp_path / str(limit)
        first = first_agent(folder, limit)
        with suppress(KilledError):
            story(first)
        found = find(str(folder), strict=True, boot_id="b")
        tasks = {
            each.info.task_id.value for framework in found.frameworks for run in framework.runs for each in run.tasks
        }
        ended = {
            each.info.task_id.value
            for framework in found.frameworks
            for run in framework.runs
            for each in run.tasks
            for status in each.statuses
            if status.state in TERMINAL and status.uuid in each.acknowledged
        }
        second = Bench(checkpoint=True, store=Disk(folder), found=found)
        for executor in list(second.adopted):
            second.agent.container_exited(executor.container_id, UNKNOWN_STATUS)
        assert second.agent.missing == set()
        second.agent.registered(AGENT_ID, MASTER)
        statuses = second.acknowledge_all()
        terminal = [status.task_id.value for status in statuses if status.state in TERMINAL]
        assert len(terminal) == len(set(terminal))
        assert set(terminal) | ended == tasks
        assert not set(terminal) & ended
        assert second.agent.ledger.frameworks == {}


def corrupt(path: Path, content: bytes) -> None:
    assert path.exists()
    path.write_bytes(content)


def test_checkpoints_that_cannot_be_read(tmp_path: Path) -> None:
    first = first_agent(tmp_path)
    first.run(task("a"))
    first.run(task("b"))
    first.subscribe()
    first.update("b", TaskState.TASK_RUNNING)
    (updates,) = tmp_path.rglob("task.updates")
    good = updates.read_bytes()

    updates.write_bytes(good + b'{"type":"upd')
    second = next_agent(tmp_path)
    assert len(second.adopted) == 2
    assert updates.read_bytes() == good

    corrupt(updates, b"nonsense\n" + good)
    with pytest.raises(RecoveryError) as refused:
        find(str(tmp_path), strict=True, boot_id="b")
    assert str(updates) in str(refused.value)
    assert "--no-strict" in str(refused.value)
    assert f"rm -f {tmp_path / META / LATEST}" in str(refused.value)
    found = find(str(tmp_path), strict=False, boot_id="b")
    assert [each.info.task_id.value for run in found.frameworks[0].runs for each in run.tasks] == ["a"]

    corrupt(updates.parent.parent.parent / "run.info", b"{")
    assert len(find(str(tmp_path), strict=False, boot_id="b").frameworks[0].runs) == 1
    corrupt(next(tmp_path.rglob("slave.info")), b"")
    assert find(str(tmp_path), strict=False, boot_id="b").info is None


def info(resources: str, attributes: tuple[Attribute, ...] = (), **changes: Any) -> AgentInfo:
    made = AgentInfo(hostname="h", resources=Resources.parse(resources).messages(), attributes=attributes)
    return msgspec.structs.replace(made, **changes)


def text(name: str, value: str) -> Attribute:
    return Attribute(name=name, type=Value.Type.TEXT, text=Value.Text(value))


def ranges(begin: int, end: int) -> Attribute:
    return Attribute(name="x", type=Value.Type.RANGES, ranges=Value.Ranges((Value.Range(begin, end),)))


BEFORE = info("cpus:2;mem:10;ports:[1-9]", (text("rack", "r1"), ranges(1, 5)))


def test_what_differs_is_named() -> None:
    now = info("cpus:3;mem:10;ports:[1-9]", (*BEFORE.attributes, text("zone", "z")))
    assert (incompatible("equal", BEFORE, now) or "").splitlines() == [
        "Incompatible agent info detected.",
        "resources: cpus:2; mem:10; ports:[1-9] -> cpus:3; mem:10; ports:[1-9]",
        'attributes: {"rack":"r1","x":"[1-5]"} -> {"rack":"r1","x":"[1-5]","zone":"z"}',
        "Start with --reconfiguration_policy=additive to stay the same agent: it allows this change.",
    ]


@pytest.mark.parametrize(
    ("now", "equal", "additive"),
    [
        (info("ports:[1-4,5-9];mem:10;cpus:2", (ranges(1, 5), text("rack", "r1"))), True, None),
        (info("cpus:3;mem:10;ports:[1-10];gpus:1", (text("rack", "r1"), ranges(0, 9), text("n", "x"))), False, None),
        (info("cpus:1;mem:10;ports:[1-9]", BEFORE.attributes), False, "'cpus' decreased from 2 to 1"),
        (info("mem:10;ports:[1-9]", BEFORE.attributes), False, "Resource not found: cpus"),
        (info("cpus:2;mem:10;ports:[2-9]", BEFORE.attributes), False, "'ports' ([1-9]) not included in current [2-9]"),
        (info("cpus:2;mem:10;ports:[1-9]", (text("rack", "r2"), ranges(1, 5))), False, "attribute 'rack' changed"),
        (info("cpus:2;mem:10;ports:[1-9]", (text("rack", "r1"), ranges(2, 5))), False, "not included"),
        (info("cpus:2;mem:10;ports:[1-9]", (text("rack", "r1"),)), False, "Couldn't find attribute"),
        (info("cpus:2;mem:10;ports:[1-9]", BEFORE.attributes, hostname="i"), False, "Hostname changed from h to i"),
        (info("cpus:2;mem:10;ports:[1-9]", BEFORE.attributes, port=1), False, "Port changed from 5051 to 1"),
    ],
)
def test_reconfiguration(now: AgentInfo, equal: bool, additive: str | None) -> None:
    before = msgspec.structs.replace(BEFORE, id=AGENT_ID)
    problem = incompatible("equal", before, now)
    assert (problem is None) == equal
    if problem:
        assert problem.startswith("Incompatible agent info detected.\n")
        assert ("--reconfiguration_policy=additive" in problem) == (additive is None)
    problem = incompatible("additive", before, now)
    assert (problem is None) == (additive is None)
    assert problem is None or (additive is not None and additive in problem)


def run_journal(folder: Path, use: Callable[[Journal], Awaitable[None]]) -> None:
    async def scenario() -> None:
        errors: list[Exception] = []
        journal = Journal(str(folder), errors.append)
        journal.register("A", b"{}")
        done = asyncio.Event()
        await use(journal)
        journal.after(done.set)
        await asyncio.wait_for(done.wait(), 20)
        journal.close()
        assert errors == []

    asyncio.run(scenario())


def test_effects_come_in_order_and_after_what_was_written(tmp_path: Path) -> None:
    line = tmp_path / META / "slaves" / "A" / "journal"
    seen: list[tuple[str, int]] = []

    def note(name: str) -> None:
        seen.append((name, line.read_bytes().count(b"\n")))

    async def use(journal: Journal) -> None:
        journal.after(lambda: note("at once"))
        journal.put("x/y", b"1")
        journal.add("x/log", b"a")
        journal.after(lambda: note("first"))

        def second() -> None:
            note("second")
            journal.after(lambda: note("fourth"))
            journal.put("x/y", b"2")
            journal.after(lambda: note("fifth"))

        journal.after(second)
        journal.after(lambda: note("third"))

    run_journal(tmp_path, use)
    replay(line.parent)
    assert seen == [("at once", 0), ("first", 1), ("second", 1), ("third", 1), ("fourth", 2), ("fifth", 2)]
    assert (line.parent / "x" / "y").read_bytes() == b"2"


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("journal") and path.name != "slave.info"
    }


def test_a_journal_is_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever of the files was written, and however far: after the replay they are what they were to be."""
    monkeypatch.setattr(journal_module, "_LONG_BYTES", 600)
    monkeypatch.setattr(journal_module, "_LATER_SECONDS", 0)
    monkeypatch.setattr(journal_module, "_discard", lambda _: None)
    renew = Journal._renew

    def slowly(journal: Journal) -> None:
        time.sleep(0.1)
        renew(journal)

    monkeypatch.setattr(Journal, "_renew", slowly)
    folder = tmp_path / META / "slaves" / "A"
    random.seed(7)

    wanted: dict[str, bytes] = {}

    async def use(journal: Journal) -> None:
        for number in range(40):
            journal.put(f"p{number % 7}/f", str(number).encode())
            wanted[f"p{number % 7}/f"] = str(number).encode()
            name = f"logs{number % 3 if number < 21 else 0}/log"
            journal.add(name, f"line {number}".encode())
            wanted[name] = wanted.get(name, b"") + f"line {number}\n".encode()
            if number % 10 == 9:
                journal.remove(f"p{number % 7}")
                del wanted[f"p{number % 7}/f"]
            if number == 21:
                journal.remove("logs1")
                wanted.pop("logs1/log")
            await asyncio.sleep(0.005)
        while not folder.joinpath("journal.old").exists():
            journal.put("tick", b"")
            wanted["tick"] = b""
            await asyncio.sleep(0.01)

    run_journal(tmp_path, use)
    journal = b"".join(path.read_bytes() for path in (folder / "journal.old", folder / "journal") if path.exists())
    for path in folder.rglob("*"):
        if path.is_file() and path.name.startswith("journal"):
            path.unlink()
    for name in files(folder):
        if random.random() < 0.5:
            folder.joinpath(name).unlink()
    folder.joinpath("journal").write_bytes(journal + b'[["torn')
    replay(folder)
    assert files(folder) == wanted
    assert not folder.joinpath("journal").exists()

    folder.joinpath("journal").write_bytes(b"nonsense\n" + journal)
    with pytest.raises(journal_module.JournalError, match="line 1"):
        replay(folder)


def test_a_found_agent_is_one_that_registered(tmp_path: Path) -> None:
    found = find(str(tmp_path), strict=True, boot_id="b")
    assert found == Found(None, [], (), rebooted=False)
    assert tmp_path.joinpath(META, "boot_id").read_text() == "b"


def volume(name: str, root: str | None = None) -> Resource:
    (resource,) = Resources.parse("disk:64").messages()
    info = Resource.ReservationInfo
    source = Resource.DiskInfo.Source
    return msgspec.structs.replace(
        resource,
        reservations=(info(type=info.Type.DYNAMIC, role="db/main"),),
        disk=Resource.DiskInfo(
            persistence=Resource.DiskInfo.Persistence(name),
            volume=Volume(container_path=f"data/{name}", mode=Volume.Mode.RW),
            source=source(source.Type.PATH, path=source.Path(root)) if root else None,
        ),
    )


def test_volumes_are_made_shown_and_removed(tmp_path: Path) -> None:
    work_dir, sandbox = str(tmp_path / "work"), tmp_path / "sandbox"
    sandbox.mkdir()
    one, two = volume("one"), volume("two", str(tmp_path / "disk"))
    paths = [tmp_path / "work/volumes/roles/db main/one", tmp_path / "disk/volumes/roles/db main/two"]
    keep_volumes(work_dir, (), (one, two))
    assert [path.is_dir() for path in paths] == [True, True]
    link_volumes(work_dir, str(sandbox), (one, two), None)
    link_volumes(work_dir, str(sandbox), (one, two), None)
    sandbox.joinpath("data", "one", "file").write_text("kept")
    shutil.rmtree(sandbox)
    keep_volumes(work_dir, (one, two), (one, two))
    assert paths[0].joinpath("file").read_text() == "kept"
    keep_volumes(work_dir, (one, two), (two,))
    assert [path.exists() for path in paths] == [False, True]
    with pytest.raises(ValueError, match="is not there"):
        link_volumes(work_dir, str(sandbox), (one,), None)
    assert two.disk is not None
    outside = Volume(container_path="../x", mode=Volume.Mode.RW)
    stray = msgspec.structs.replace(two, disk=msgspec.structs.replace(two.disk, volume=outside))
    with pytest.raises(ValueError, match="within the sandbox"):
        link_volumes(work_dir, str(sandbox), (stray,), None)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_several_users_work_in_one_volume(tmp_path: Path) -> None:
    """The first owns it; the others are let in, and nobody else."""
    work_dir, sandbox = str(tmp_path / "work"), tmp_path / "sandbox"
    sandbox.mkdir()
    keep_volumes(work_dir, (), (volume("one"),))
    for user in ("nobody", "daemon", "bin", "daemon", "root"):
        link_volumes(work_dir, str(sandbox), (volume("one"),), user)
    path = sandbox / "data" / "one"
    assert path.stat().st_uid == pwd.getpwnam("nobody").pw_uid

    def works(user: str) -> bool:
        """In what is there and by making something."""
        found = pwd.getpwnam(user)
        command = ["/bin/sh", "-c", f"printf x >>words && echo >{user}"]
        ids = {"user": found.pw_uid, "group": found.pw_gid}
        run = subprocess.run(command, cwd=path, **ids, extra_groups=[], stderr=subprocess.DEVNULL, check=False)
        return run.returncode == 0

    assert [works(user) for user in ("nobody", "daemon", "bin", "games")] == [True, True, True, False]
    assert path.joinpath("words").read_text() == "xxx"


def test_changed_flags_after_a_reboot_and_another_start(tmp_path: Path) -> None:
    """The agent is a new one, also where it starts again before any master has admitted it."""
    first_agent(tmp_path)
    flags, _ = load(AgentFlags, ["--master=127.0.0.1:1", f"--work_dir={tmp_path}"], {})
    boot_id = tmp_path / META / "boot_id"
    boot_id.unlink()
    with pytest.raises(RecoveryError, match="Incompatible agent info"):
        take_over(flags, info("cpus:7"))
    boot_id.write_text("before")
    assert take_over(flags, info("cpus:7")).info is None
    assert take_over(flags, info("cpus:7")).info is None
    assert take_over(flags, info("cpus:8")).frameworks == []


def test_tasks_of_several_frameworks(tmp_path: Path) -> None:
    first = first_agent(tmp_path)
    other = msgspec.structs.replace(first.framework, id=FrameworkID("framework-0001"), name="other")
    first.run(task("a"))
    first.agent.from_master(internal.RunTasks(other, (task("a"),)))
    second = next_agent(tmp_path)
    running = {each.framework_id.value: each.task.task_id.value for each in second.agent.registration().tasks}
    assert running == {"framework-0000": "a", "framework-0001": "a"}
    assert {each.name for each in second.agent.registration().frameworks} == {"fw", "other"}
    one, two = second.adopted
    for executor in (one, two):
        found = second.agent.ledger.find_container(executor.container_id)
        assert found
        second.agent.subscribed(*found, Call.Subscribe((task("a"),)))
    second.agent.from_master(internal.ShutdownFramework(FrameworkID("framework-0000")))
    assert [type_ for type_ in second.event_types() if type_ == "SHUTDOWN"] == ["SHUTDOWN"]
    assert [each.framework_id.value for each in second.agent.registration().tasks] == ["framework-0001"]


def test_masters_wait_while_executors_come_back(tmp_path: Path) -> None:
    """Nothing is sent before they are here: a ping that stays away in that time is nothing that the agent sees."""
    first_agent(tmp_path).run(task("a"))
    second = next_agent(tmp_path)
    adopted(second)

    class Link:
        runs = False

        async def run(self) -> None:
            assert not second.agent.missing
            self.runs = True

    async def scenario() -> None:
        link = Link()
        connecting = asyncio.create_task(connect(second.agent, cast(MasterLink, link)))
        second.clock.advance(1.5)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not link.runs
        second.subscribe()
        await asyncio.wait_for(connecting, 60)
        assert link.runs

    asyncio.run(scenario())


def test_reservations_and_volumes_are_kept(tmp_path: Path) -> None:
    first = first_agent(tmp_path)
    made = (volume("one"),)
    first.agent.from_master(internal.Checkpoint(made))
    assert first.kept == first.agent.registration().checkpointed == made
    assert find(str(tmp_path), strict=True, boot_id="b").resources == made
    flags, _ = load(AgentFlags, ["--master=127.0.0.1:1", f"--work_dir={tmp_path}"], {})
    same_boot = tmp_path / META / "boot_id"
    same_boot.unlink()
    with pytest.raises(RecoveryError, match="Checkpointed resources are incompatible"):
        take_over(flags, info("disk:63"))
    tmp_path.joinpath(META, LATEST).unlink()
    assert take_over(flags, info("disk:64")).resources == made
