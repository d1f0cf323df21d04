"""How long a master takes to show what it knows: `python -m tests.bench.state [agents] [tasks on each]`.

The real state machine and the real endpoints over loopback; agents come with their tasks running, as after a failover.
CPU time of this process, which the client shares: it reads and drops the bytes. `gzip`: as browsers ask for it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from time import perf_counter, process_time
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.flags.load import load
from mesosctl.runtime.flags.master import MasterFlags
from mesosctl.runtime.http.server import application, serve
from mesosctl.runtime.master import endpoints
from mesosctl.runtime.protocol.basics import AgentID, ContainerID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerStatus, NetworkInfo
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Resources
from tests.unit.master_cluster import FRAMEWORK, INFO, MASTER, Cluster

PATHS = ("/state", "/state-summary", "/slaves", "/tasks?limit=-1", "/roles", "/metrics/snapshot")
CALL = "GET_STATE"


def cluster(agents: int, tasks_each: int) -> Cluster:
    made = Cluster()
    made.subscribe()
    framework = msgspec.convert({**INFO, "id": {"value": FRAMEWORK}}, FrameworkInfo)
    total = Resources.parse("cpus:16;mem:65536;disk:100000;ports:[31000-32000]").messages()
    for number in range(agents):
        info = AgentInfo(hostname=f"host{number}", resources=total, id=AgentID(f"{MASTER}-S{number}"))
        tasks = tuple(_task(f"{number}-{each}", info) for each in range(tasks_each))
        message = internal.Register(info, "1.11.0", tasks, (), (framework,))
        made.master.register_agent(f"a{number}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", message)
    made.clock.advance(0)
    return made


def _task(name: str, agent: AgentInfo) -> internal.RunningTask:
    assert agent.id
    resources = Resources.parse("cpus:0.1;mem:32").allocated_to("*").messages()
    network = NetworkInfo(ip_addresses=(NetworkInfo.IPAddress(ip_address="10.0.0.1"),))
    status = TaskStatus(
        task_id=TaskID(name),
        state=TaskState.TASK_RUNNING,
        timestamp=1.0,
        uuid=bytes(16),
        container_status=ContainerStatus(container_id=ContainerID(f"c{name}"), network_infos=(network,)),
    )
    command = CommandInfo(value="sleep 1000")
    info = TaskInfo(name="task", task_id=TaskID(name), agent_id=agent.id, resources=resources, command=command)
    return internal.RunningTask(FrameworkID(FRAMEWORK), None, info, status)


async def measure(agents: int, tasks_each: int) -> dict[str, dict[str, float]]:
    """By what is asked: seconds on the wall and of the processor, without and with gzip, and megabytes."""
    server: Any = SimpleNamespace(master=cluster(agents, tasks_each).master)
    flags, _ = load(MasterFlags, ["--ip=127.0.0.1"], {})
    runner = await serve(application("/master", endpoints.routes(server, flags.shown())), "127.0.0.1", 0)
    host, port = runner.addresses[0][:2]
    results: dict[str, dict[str, float]] = {}
    async with aiohttp.ClientSession(f"http://{host}:{port}", auto_decompress=False) as session:

        async def ask(path: str, encoding: str) -> dict[str, float]:
            wall, cpu, size = perf_counter(), process_time(), 0
            headers = {"Accept-Encoding": encoding, "Content-Type": "application/json"}
            method, url = ("POST", "/api/v1") if path == CALL else ("GET", path)
            body = json.dumps({"type": CALL}) if path == CALL else None
            async with session.request(method, url, data=body, headers=headers) as answer:
                async for chunk in answer.content.iter_any():
                    size += len(chunk)
            return {
                f"{encoding} wall": round(perf_counter() - wall, 2),
                f"{encoding} cpu": round(process_time() - cpu, 2),
                f"{encoding} MB": round(size / 1e6, 1),
            }

        for path in (*PATHS, CALL):
            results[path] = await ask(path, "identity") | await ask(path, "gzip")
    await runner.cleanup()
    return results


if __name__ == "__main__":
    asked = [int(text) for text in sys.argv[1:3]] or [10_000, 10]
    print(json.dumps(asyncio.run(measure(*asked)), indent=1))
