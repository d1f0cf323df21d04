"""How long a cycle of the allocator takes: `python -m tests.bench.allocator [agents] [frameworks]`.

CPU time of this process, so that a busy machine does not count. Every framework has a role of its own; "all refused"
is a cycle over free agents that everyone declined.
"""

from __future__ import annotations

import json
import sys
from random import Random
from time import process_time

from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.master.allocator import Allocation, Allocator, Options
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.offers import Filters
from mesosctl.runtime.resources import Resources


def measure(agents: int, frameworks: int) -> dict[str, float]:
    """Milliseconds."""
    allocator = Allocator(SimulatedClock(), Options(), Random(1))
    total = Resources.parse("cpus:8;mem:16384;disk:100000;ports:[31000-32000]")
    for number in range(frameworks):
        allocator.add_framework(f"f{number}", FrameworkInfo(user="u", name="n", role=f"r{number}"))
    start = process_time()
    for number in range(agents):
        allocator.add_agent(f"a{number}", AgentInfo(hostname=f"h{number}"), total)
    result = {"add_agents": process_time() - start}
    given, result["give_all"] = _cycle(allocator)
    for _ in range(frameworks):
        for framework_id, _, agent_id, resources in given:
            allocator.recover_resources(framework_id, agent_id, resources, Filters(refuse_seconds=86400))
        given, result["all_refused"] = _cycle(allocator)
    assert not given
    return {name: round(seconds * 1000, 1) for name, seconds in result.items()}


def _cycle(allocator: Allocator) -> tuple[list[Allocation], float]:
    start = process_time()
    return allocator.allocate(), process_time() - start


if __name__ == "__main__":
    counts = [int(argument) for argument in sys.argv[1:]] or [1000, 10]
    print(json.dumps(measure(*counts)))
