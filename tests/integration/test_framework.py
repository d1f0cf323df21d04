"""The framework library with a real master and agent on loopback: its example, a scheduler that a master leaves, an
executor.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec

from mesosctl.runtime.framework.example import Job, _task
from mesosctl.runtime.framework.scheduler import Scheduler
from mesosctl.runtime.protocol.basics import ExecutorID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.scheduler import Event
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskState
from tests.integration.programs import Programs

WAIT_SECONDS = 60.0
OWN_EXECUTOR = Path(__file__).parents[1] / "clients" / "own_executor.py"


def example(programs: Programs, *commands: str) -> tuple[int, list[str]]:
    """The exit status of the example, and its lines."""
    program = [sys.executable, "-m", "mesosctl.runtime.framework.example", f"127.0.0.1:{programs.master_port}"]

    done = subprocess.run(
        [*program, *commands], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=WAIT_SECONDS
    )
    return done.returncode, done.stdout.splitlines()


def test_the_example_runs_commands(programs: Programs) -> None:
    status, lines = example(programs, "true", "echo hello")
    assert status == 0
    assert sum("TASK_FINISHED" in line for line in lines) == 2
    assert not [line for line in lines if "Lost" in line], "it left by itself"
    programs.wait(lambda: programs.state()["completed_frameworks"])


def test_the_example_tries_again_what_fails(programs: Programs) -> None:
    status, lines = example(programs, "exit 3")
    assert status == 1
    assert [line for line in lines if "TASK_FAILED" in line] == [
        f"'exit 3' (attempt {attempt}): TASK_FAILED Command exited with status 3" for attempt in (1, 2, 3)
    ]


def test_a_scheduler_outlives_its_master(programs: Programs) -> None:
    """Its task runs on meanwhile; the new master answers for it when the agent is back."""

    async def scenario() -> None:
        info = FrameworkInfo(user="root", name="outlives", failover_timeout=60.0, checkpoint=True)
        job = Job("sleep 1000", 1)
        master = f"127.0.0.1:{programs.master_port}"
        async with asyncio.timeout(WAIT_SECONDS), Scheduler(master, info, acknowledge=False) as scheduler:
            states: list[TaskState] = []
            subscriptions = 0
            async for event in scheduler:
                match event:
                    case Event.Subscribed():
                        subscriptions += 1
                        if subscriptions == 2:
                            states.clear()
                            await asyncio.to_thread(programs.wait, lambda: programs.state()["slaves"])
                            await scheduler.reconcile([(job.task_id, job.agent_id)])
                    case Event.Offers(offers=(offer, *_)) if job.agent_id is None:
                        job.agent_id = offer.agent_id
                        await scheduler.accept([offer], [_task(job, offer.agent_id)])
                    case Event.Update(status=status):
                        await scheduler.acknowledge(status)
                        states.append(status.state)
                        if status.state is TaskState.TASK_RUNNING and subscriptions == 1:
                            await asyncio.to_thread(programs.kill, "master")
                            await asyncio.to_thread(programs.start_master)
                        elif status.state is TaskState.TASK_RUNNING:
                            await scheduler.kill(job.task_id)
                        elif status.state is TaskState.TASK_KILLED:
                            await scheduler.teardown()
            assert subscriptions == 2
            assert (states[0], states[-1]) == (TaskState.TASK_RUNNING, TaskState.TASK_KILLED)
            assert len(set(states)) == 2  # an acknowledgement may have died with the master: RUNNING came twice then
            assert not scheduler.reconciling

    asyncio.run(scenario())


def test_an_executor_of_ones_own(programs: Programs) -> None:
    """Two tasks in one executor, a message and its answer, a kill."""
    command = CommandInfo(value=f"exec {sys.executable} {OWN_EXECUTOR}")

    def sleep(task_id: str, seconds: str, offer: Offer) -> TaskInfo:
        task = _task(Job("", 1), offer.agent_id)
        executor = ExecutorInfo(executor_id=ExecutorID("own"), command=command, resources=task.resources)
        return msgspec.structs.replace(
            task, task_id=TaskID(task_id), command=None, executor=executor, data=seconds.encode()
        )

    async def scenario() -> None:
        info = FrameworkInfo(user="root", name="own executor")
        states: dict[str, list[TaskState]] = {"short": [], "long": []}
        async with asyncio.timeout(WAIT_SECONDS), Scheduler(f"127.0.0.1:{programs.master_port}", info) as scheduler:
            async for event in scheduler:
                match event:
                    case Event.Offers(offers=(offer, *_)) if not any(states.values()):
                        await scheduler.accept([offer], [sleep("short", "0.1", offer), sleep("long", "1000", offer)])
                    case Event.Update(status=status):
                        states[status.task_id.value].append(status.state)
                        if status.task_id.value == "long" and status.state is TaskState.TASK_RUNNING:
                            assert status.agent_id
                            await scheduler.message(status.agent_id, ExecutorID("own"), b"abc")
                    case Event.Message(data=data):
                        assert data == b"cba"
                        await scheduler.kill(TaskID("long"))
                if TaskState.TASK_KILLED in states["long"] and TaskState.TASK_FINISHED in states["short"]:
                    await scheduler.teardown()
        assert states == {
            "short": [TaskState.TASK_RUNNING, TaskState.TASK_FINISHED],
            "long": [TaskState.TASK_RUNNING, TaskState.TASK_KILLED],
        }

    asyncio.run(scenario())
