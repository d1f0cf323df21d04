"""A custom executor on the framework library: a task's data are seconds to sleep, messages come back reversed."""

from __future__ import annotations

import asyncio

from mesosctl.runtime.framework.executor import Executor, Shutdown
from mesosctl.runtime.protocol.executor import Event
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskState, TaskStatus


async def main() -> None:
    async with Executor() as executor:
        works: dict[str, asyncio.Task[None]] = {}

        async def work(task: TaskInfo) -> None:
            executor.update(TaskStatus(task_id=task.task_id, state=TaskState.TASK_RUNNING))
            state = TaskState.TASK_FINISHED
            try:
                await asyncio.sleep(float(task.data or b"0"))
            except asyncio.CancelledError:
                state = TaskState.TASK_KILLED
            executor.update(TaskStatus(task_id=task.task_id, state=state, data=b"end"))

        async for event in executor:
            match event:
                case Event.Launch(task=task):
                    works[task.task_id.value] = asyncio.create_task(work(task))
                case Event.Kill(task_id=task_id):
                    works[task_id.value].cancel()
                case Event.Message(data=data):
                    executor.message(data[::-1])
                case Shutdown():
                    for each in works.values():
                        each.cancel()
        if works:
            await asyncio.wait(works.values())


asyncio.run(main())
