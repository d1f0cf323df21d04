"""What an agent writes down so that its successor can go on: the layout of `work_dir/meta` and what its files hold.

The layout is Apache Mesos' (src/slave/paths.hpp), the encoding is JSON:

    boot_id
    starts                                      how many agents there were (not of Apache Mesos)
    resources/resources.info                    dynamic reservations and persistent volumes
    slaves/latest                               leads to the newest of:
    slaves/AGENT/slave.info
    slaves/AGENT/journal                        see `mesosctl.runtime.agent.journal`
    slaves/AGENT/frameworks/FRAMEWORK/framework.info
        …/executors/EXECUTOR/executor.info
            …/runs/CONTAINER/run.info, pids/forked.pid, executor.sentinel
                …/tasks/TASK/task.info, task.updates

Of frameworks, only those that want it (`checkpoint`) are written down.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from mesosctl.runtime.agent.records import ExecutorRecord, FrameworkRecord
from mesosctl.runtime.executor.processes import start_time
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskStatus

META = "meta"
BOOT_ID = "boot_id"
STARTS = "starts"
RESOURCES = "resources/resources.info"
LATEST = "slaves/latest"
AGENT_INFO = "slave.info"
JOURNAL = "journal"
FRAMEWORK_INFO = "framework.info"
EXECUTOR_INFO = "executor.info"
RUN_INFO = "run.info"
FORKED_PID = "pids/forked.pid"
SENTINEL = "executor.sentinel"
"""Its presence says that nothing of the run is left to be done."""
TASK_INFO = "task.info"
TASK_UPDATES = "task.updates"


class Run(msgspec.Struct, frozen=True, omit_defaults=True):
    """`run.info`: what an executor record holds besides its ExecutorInfo."""

    directory: str
    user: str | None
    is_command: bool
    launched_at: float


class Forked(msgspec.Struct, frozen=True):
    """`forked.pid`: the first process of a container, and when it started (see `start_time`), as pids are reused."""

    pid: int
    started: int | None


class Update(msgspec.Struct, frozen=True, tag="update"):
    """A line of `task.updates`: a status came."""

    status: TaskStatus


class Acknowledgement(msgspec.Struct, frozen=True, tag="acknowledgement"):
    """A line of `task.updates`: the scheduler acknowledged a status."""

    uuid: bytes


def agent_folder(agent_id: str) -> str:
    return f"slaves/{agent_id}"


def framework_folder(framework_id: str) -> str:
    """Below the agent's folder, as the next two."""
    return f"frameworks/{_name(framework_id)}"


def executor_folder(framework_id: str, executor_id: str) -> str:
    return f"{framework_folder(framework_id)}/executors/{_name(executor_id)}"


def run_folder(framework_id: str, executor_id: str, container_id: str) -> str:
    return f"{executor_folder(framework_id, executor_id)}/runs/{container_id}"


def _name(identifier: str) -> str:
    """A file name of its own for every id."""
    name = identifier.replace("%", "%25").replace("/", "%2F")
    return name.replace(".", "%2E") if name in (".", "..") else name


class Store(Protocol):
    """Where it is written. `save` is durable when it returns; the others before anything that is to come after."""

    def save(self, path: str, content: bytes) -> None:
        """Replace a file of `meta`. Raises OSError."""

    def register(self, agent_id: str, info: bytes) -> None:
        """Keep `slave.info`, and let `latest` lead there; what follows is below that agent. Raises OSError."""

    def put(self, path: str, content: bytes) -> None:
        """Replace a file below the agent."""

    def add(self, path: str, line: bytes) -> None:
        """Add a line to a file below the agent; never after the sentinel of its run."""

    def remove(self, folder: str) -> None:
        """Remove a folder below the agent, with all that is in it."""


class NoStore:
    """For an agent that keeps nothing."""

    def save(self, path: str, content: bytes) -> None: ...

    def register(self, agent_id: str, info: bytes) -> None: ...

    def put(self, path: str, content: bytes) -> None: ...

    def add(self, path: str, line: bytes) -> None: ...

    def remove(self, folder: str) -> None: ...


class Checkpoint:
    """Writes the records of an agent to a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._encode = msgspec.json.Encoder().encode

    def agent(self, info: AgentInfo) -> None:
        """Raises OSError."""
        assert info.id is not None
        self._store.register(info.id.value, self._encode(info))

    def resources(self, resources: tuple[Resource, ...]) -> None:
        """Raises OSError."""
        self._store.save(RESOURCES, self._encode(resources))

    def framework(self, info: FrameworkInfo) -> None:
        if info.checkpoint and info.id:
            self._store.put(f"{framework_folder(info.id.value)}/{FRAMEWORK_INFO}", self._encode(info))

    def executor(self, framework: FrameworkRecord, executor: ExecutorRecord) -> None:
        if framework.info.checkpoint:
            folder = executor_folder(framework.id, executor.id)
            self._store.put(f"{folder}/{EXECUTOR_INFO}", self._encode(executor.info))
            run = Run(executor.directory, executor.user, executor.is_command, executor.launched_at)
            self._store.put(f"{self._run(framework, executor)}/{RUN_INFO}", self._encode(run))

    def forked(self, framework: FrameworkRecord, executor: ExecutorRecord, pid: int) -> None:
        if framework.info.checkpoint:
            content = self._encode(Forked(pid, start_time(pid)))
            self._store.put(f"{self._run(framework, executor)}/{FORKED_PID}", content)

    def task(self, framework: FrameworkRecord, executor: ExecutorRecord, task: TaskInfo) -> None:
        if framework.info.checkpoint:
            path = f"{self._task(framework, executor, task.task_id.value)}/{TASK_INFO}"
            self._store.put(path, self._encode(task))

    def update(self, framework: FrameworkRecord, executor: ExecutorRecord, status: TaskStatus) -> None:
        if framework.info.checkpoint:
            path = f"{self._task(framework, executor, status.task_id.value)}/{TASK_UPDATES}"
            self._store.add(path, self._encode(Update(status)))

    def acknowledged(self, framework: FrameworkRecord, executor: ExecutorRecord, task_id: str, uuid: bytes) -> None:
        if framework.info.checkpoint:
            path = f"{self._task(framework, executor, task_id)}/{TASK_UPDATES}"
            self._store.add(path, self._encode(Acknowledgement(uuid)))

    def completed(self, framework: FrameworkRecord, executor: ExecutorRecord) -> None:
        if framework.info.checkpoint:
            self._store.put(f"{self._run(framework, executor)}/{SENTINEL}", b"")

    def _run(self, framework: FrameworkRecord, executor: ExecutorRecord) -> str:
        return run_folder(framework.id, executor.id, executor.container_id)

    def _task(self, framework: FrameworkRecord, executor: ExecutorRecord, task_id: str) -> str:
        return f"{self._run(framework, executor)}/tasks/{_name(task_id)}"
