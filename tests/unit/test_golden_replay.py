"""The requests recorded with a real Mesos get the recorded answers, but for a reviewed list of differences.

Master and agent are brought to the state that they had in the recording: the master by playing the recorded scheduler
and agent, the agent by a task like the recorded one.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import msgspec
import pytest
from aiohttp import web

from mesosctl.runtime import internal
from mesosctl.runtime.agent import endpoints as agent_endpoints
from mesosctl.runtime.agent import host
from mesosctl.runtime.agent.executor_api import ExecutorApi
from mesosctl.runtime.agent.nested import NestedContainers
from mesosctl.runtime.agent.program import PREFIX
from mesosctl.runtime.agent.records import ExecutorRecord
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.flags.load import load
from mesosctl.runtime.flags.master import MasterFlags
from mesosctl.runtime.http.address import Address
from mesosctl.runtime.master import endpoints as master_endpoints
from mesosctl.runtime.protocol.basics import AgentID, TaskID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo, MasterInfo
from mesosctl.runtime.protocol.executor import Call
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Resources
from tests.unit.agent_bench import Bench, usage
from tests.unit.master_cluster import AGENT, FRAMEWORK, Cluster
from tests.unit.replay import Answer, Recorded, allowed, ask, differences, recordings
from tests.unit.test_master_recorded import CALLS, SESSION, Session

WHILE_RUNNING = recordings("endpoints/master", "operator-master")
AFTERWARDS = recordings("endpoints/master-after-tasks", "operator-master-after-tasks")
OF_AGENT = recordings("endpoints/agent", "operator-agent")
OF_IDLE_AGENT = recordings("endpoints/agent-after-tasks")
EVERYTHING = [*WHILE_RUNNING, *AFTERWARDS, *OF_AGENT, *OF_IDLE_AGENT]
FIRST_SHORT_TASK = "10-accept-launch-short"
CHANGES = [
    "UPDATE_WEIGHTS",
    "GET_WEIGHTS-after",
    "GET_weights-after",
    "UPDATE_QUOTA",
    "GET_QUOTA-after",
    "GET_quota-after",
    "GET_ROLES-after",
    "GET_roles-after",
    "UPDATE_QUOTA-clear",
    "UPDATE_MAINTENANCE_SCHEDULE",
    "GET_MAINTENANCE_SCHEDULE-after",
    "GET_maintenance_schedule-after",
    "GET_MAINTENANCE_STATUS-after",
    "GET_maintenance_status-after",
    "START_MAINTENANCE",
    "GET_maintenance_status-down",
    "STOP_MAINTENANCE",
    "STOP_MAINTENANCE-again",
    "POST_maintenance_schedule-empty",
    "POST_maintenance_schedule-bad",
    "POST_quota",
    "PUT_weights",
    "POST_machine_down-unknown",
    "DELETE_quota",
    "DELETE_quota-unknown",
    "POST_teardown-missing",
    "POST_teardown-unknown",
]
"""The exchanges that change the master and what follows them, in their order; the others came before."""
LOG = "Log file created at: 2026/11/22 13:12:11\nRunning on machine: vm\nLog line format: [IWEF]mmdd hh:mm:ss.u\n"
CAPABILITIES = [
    "MULTI_ROLE",
    "HIERARCHICAL_ROLE",
    "RESERVATION_REFINEMENT",
    "RESOURCE_PROVIDER",
    "RESIZE_VOLUME",
    "AGENT_OPERATION_FEEDBACK",
    "AGENT_DRAINING",
    "TASK_RESOURCE_LIMITS",
]
RESOURCES = "cpus:2;mem:23081;disk:252899;ports:[31000-32000]"
ATTRIBUTES = "rack:r1;zone:z"
FRAMEWORK_INFO = SESSION["00-stream-main"].request["body"]["subscribe"]["framework_info"]
CONTAINER = "d96a5500-5d01-493f-bc6b-4248f643072e"
WORK_DIR = "/var/lib/mesos/agent"


MASTER_INFO = msgspec.convert(
    next(each for each in WHILE_RUNNING if each.name == "GET_MASTER").response["body"]["get_master"]["master_info"],
    MasterInfo,
)


class RecordedSession(Session):
    """With all that the recorded agent and framework said of themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster()
        state = self.cluster.master.state
        state.options = dataclasses.replace(state.options, info=MASTER_INFO)
        kinds = AgentInfo.Capability.Type
        info = AgentInfo(
            hostname="localhost",
            resources=Resources.parse(RESOURCES).messages(),
            attributes=host.attributes(ATTRIBUTES),
            checkpoint=True,
        )
        capabilities = tuple(AgentInfo.Capability(kinds[name]) for name in CAPABILITIES)
        register = internal.Register(info, "1.12.0", capabilities=capabilities)
        self.cluster.master.register_agent("a1", "127.0.0.1", register)
        self.cluster.subscribe(framework_id=None, **FRAMEWORK_INFO)


async def not_asked(request: web.Request) -> web.StreamResponse:
    raise AssertionError("schedulers speak to the session")


def play_master(session: Session, asked: list[Recorded], log_dir: Path) -> dict[str, Answer]:
    (log_dir / "mesos-master.INFO").write_text(LOG)
    flags, _ = load(MasterFlags, ["--ip=127.0.0.1", "--work_dir=/var/lib/mesos/master", f"--log_dir={log_dir}"], {})
    session.cluster.offer()
    clock = session.cluster.clock
    server: Any = SimpleNamespace(master=session.cluster.master)

    async def run() -> dict[str, Answer]:
        routes = [web.post("/api/v1/scheduler", not_asked), *master_endpoints.routes(server, flags.shown())]
        return await ask(routes, "/master", asked, {"/var/log/mesos": str(log_dir)}, lambda: clock.advance(0))

    return asyncio.run(run())


class RecordedAgent(Bench):
    """The recorded agent with its task, which has a real sandbox; the process is the test's own."""

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir
        super().__init__()
        self.agent.info = AgentInfo(
            hostname="localhost",
            id=AgentID(AGENT),
            resources=Resources.parse(RESOURCES).messages(),
            attributes=host.attributes(ATTRIBUTES),
        )
        self.agent.master = MASTER_INFO
        self.agent.ledger.agent_id = AgentID(AGENT)
        self.framework = msgspec.convert({**FRAMEWORK_INFO, "id": {"value": FRAMEWORK}}, FrameworkInfo)
        launch = CALLS["06-accept-launch-long"].request["body"]["accept"]["operations"][0]["launch"]
        task = {**launch["task_infos"][0]}
        task["resources"] = [{**each, "role": None} for each in task["resources"]]
        self.run(msgspec.convert(task, TaskInfo))
        self.agent.subscribed(*self.found(), Call.Subscribe())
        self.tell(TaskState.TASK_STARTING)
        self.tell(TaskState.TASK_RUNNING)

    def tell(self, state: TaskState) -> None:
        source = TaskStatus.Source.SOURCE_EXECUTOR
        status = TaskStatus(task_id=TaskID("task-long"), state=state, uuid=os.urandom(16), source=source)
        self.agent.update(*self.found(), status)

    def end(self) -> None:
        """The task ends, its end is acknowledged, its container is gone."""
        self.tell(TaskState.TASK_KILLING)
        self.tell(TaskState.TASK_KILLED)
        while updates := [each for each in self.sent if isinstance(each, internal.StatusUpdate)]:
            self.sent = []
            for update in updates:
                assert update.status.uuid
                acknowledge = internal.Acknowledge(update.framework_id, update.status.task_id, update.status.uuid)
                self.agent.from_master(acknowledge)
        renamed = msgspec.structs.replace(self.framework, name="golden-fw-renamed")
        self.agent.from_master(internal.UpdateFramework(renamed))
        self.agent.container_exited(self.launched[0].container_id, 0)

    def found(self) -> Any:
        executor = self.launched[0]
        assert executor.info.framework_id
        return self.agent.ledger.find(executor.info.framework_id, executor.info.executor_id)

    def launch(self, framework: FrameworkInfo, executor: ExecutorRecord) -> None:
        Path(executor.directory).mkdir(parents=True)
        Path(executor.directory, "stdout").write_text("hello-from-task\n")
        Path(executor.directory, "stderr").write_text("x" * 538)
        self.launched.append(executor)
        self.agent.container_launched(executor.container_id, os.getpid())

    def sandbox(self, agent_id: AgentID, framework_id: str, executor_id: str, container_id: str) -> str:
        below = f"slaves/{agent_id.value}/frameworks/{framework_id}/executors/{executor_id}/runs/{container_id}"
        return str(self.work_dir / below)


def play_agent(asked: list[Recorded], directory: Path, *, ended: bool = False) -> dict[str, Answer]:
    log_dir = directory / "log"
    log_dir.mkdir()
    (log_dir / "mesos-agent.INFO").write_text(LOG)
    bench = RecordedAgent(directory / "work")
    executor = bench.launched[0]
    if ended:
        bench.end()
    given = ["--master=127.0.0.1:5050", f"--work_dir={bench.work_dir}", "--ip=127.0.0.1", f"--log_dir={log_dir}"]
    given += [f"--attributes={ATTRIBUTES}", "--no-systemd_enable_support"]
    flags, _ = load(AgentFlags, given, {})
    api = ExecutorApi(15)
    api.agent = bench.agent
    nested = NestedContainers(lambda _: None, AsyncMock(), str(bench.work_dir), "127.0.0.1", switch_user=False)
    address = Address("127.0.0.1", 5051, "127.0.0.1", 5051, "localhost")
    replaced = {CONTAINER: executor.container_id, WORK_DIR: str(bench.work_dir), "/var/log/mesos": str(log_dir)}

    async def run() -> dict[str, Answer]:
        routes = agent_endpoints.routes(bench.agent, api, nested, flags, address, bench.clock, usage)
        return await ask(routes, PREFIX, asked, replaced)

    return asyncio.run(run())


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """What ours answers, to all that was recorded."""
    session = RecordedSession()
    names = [*CALLS]
    for name in names[: names.index(FIRST_SHORT_TASK)]:
        session.play(name, CALLS[name].request["body"])
    asked = sorted(WHILE_RUNNING, key=lambda each: CHANGES.index(each.name) if each.name in CHANGES else -1)
    found = play_master(session, asked, tmp_path_factory.mktemp("log"))
    session = RecordedSession()
    for name, exchange in CALLS.items():
        session.play(name, exchange.request["body"])
    changes = [each for each in asked if each.name in CHANGES]
    found = play_master(session, [*changes, *AFTERWARDS], tmp_path_factory.mktemp("log")) | found
    found |= play_agent(OF_AGENT, tmp_path_factory.mktemp("agent"))
    return found | play_agent(OF_IDLE_AGENT, tmp_path_factory.mktemp("agent"), ended=True)


@pytest.mark.parametrize("recorded", EVERYTHING, ids=lambda each: each.id)
def test_answer(answers: dict[str, Answer], recorded: Recorded) -> None:
    reviewed = allowed()
    found = differences(recorded, answers[recorded.id])
    bad = [each for each in found if not any(line.covers(each) for line in reviewed)]
    assert not bad, "\n".join(
        f"{each.exchange} {each.kind} {each.path}: {json.dumps(each.recorded)[:300]} became {each.ours!r:.300}"
        for each in bad
    )


def test_no_line_of_the_list_is_out_of_date(answers: dict[str, Answer]) -> None:
    found = [each for recorded in EVERYTHING for each in differences(recorded, answers[recorded.id])]
    assert [line for line in allowed() if not any(line.covers(each) for each in found)] == []
