"""The end of a run: nothing goes wrong any more, and after a while all must be in order."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mesosctl.runtime.agent.records import ExecutorState
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.maintenance import Schedule
from mesosctl.runtime.protocol.tasks import TaskState
from tests.unit.simulation.books import TERMINAL, amounts, total

if TYPE_CHECKING:
    from tests.unit.simulation.agents import Host
    from tests.unit.simulation.masters import MasterProcess
    from tests.unit.simulation.run import Cluster
    from tests.unit.simulation.schedulers import Framework

_CARE_SECONDS = 10.0
_LEAST_CPUS, _LEAST_MEM_MB = 0.01, 32.0
"""What is less is not offered."""


def settle(cluster: Cluster) -> None:
    """End all trouble, and begin to care."""
    world = cluster.world
    world.log("peace", "begins")
    world.blocked.clear()
    world.slowness = 1
    for master in cluster.masters.values():
        master.resume()
    for host in cluster.hosts:
        if host.agent:
            host.agent.resume()
    for framework in cluster.frameworks:
        framework.calm = True
    _care(cluster)


def _care(cluster: Cluster) -> None:
    """What service managers, operators and schedulers do again and again."""
    cluster.world.clock.after(_CARE_SECONDS, lambda: _care(cluster))
    cluster.world.blocked.clear()
    for name in cluster.masters:
        cluster.start_master(name)
    for host in cluster.hosts:
        if host.agent is None:
            host.start_soon(0.1)
    for framework in cluster.frameworks:
        scheduler = framework.scheduler
        if scheduler is None:
            framework.start_scheduler()
        else:
            scheduler.reconcile(explicitly=True)
            scheduler.reconcile(explicitly=False)
            scheduler.revive()
    if cluster.leader:
        cluster.leader.run(lambda: _operate(cluster, cluster.leader))


def _operate(cluster: Cluster, leader: MasterProcess) -> None:
    leader.guard()
    master = leader.master
    for framework in cluster.frameworks:
        if framework.over and framework.id and framework.id.value in master.state.frameworks:
            master.teardown(framework.id.value)  # removed by an earlier master, it is not remembered as over
    if down := master.maintenance.status().down_machines:
        master.commit(master.maintenance.stop(down))
    elif master.maintenance.schedule().windows:
        master.commit(master.maintenance.update(Schedule()))
    for agent in [*master.state.agents.values()]:
        if agent.restriction:
            with suppress(Refusal):
                master.commit(master.draining.reactivate(agent.id))


def problems(cluster: Cluster) -> list[str]:
    """What is not in order (yet)."""
    leader = cluster.leader
    if leader is None:
        return ["nobody leads"]
    found = []
    for host in cluster.hosts:
        found += _of_host(leader, host)
    for framework in cluster.frameworks:
        if not framework.over:
            found += _of_framework(cluster, leader, framework)
    if unused := not all(framework.over for framework in cluster.frameworks):
        found += _of_resources(cluster, leader) if unused and not found else []
    return found


def _of_host(leader: MasterProcess, host: Host) -> list[str]:
    agent_id = host.agent and host.agent.agent.info.id and host.agent.agent.info.id.value
    known = leader.master.state.agents.get(agent_id or "")
    if known is None or not known.connected:
        return [f"{host.name} is not registered"]
    if known.restriction or known.unavailability:
        return [f"{host.name} is restricted"]
    return []


def _of_framework(cluster: Cluster, leader: MasterProcess, framework: Framework) -> list[str]:
    if framework.id is None or framework.scheduler is None or not framework.scheduler.subscribed:
        return [f"{framework.name} is not subscribed"]
    known = leader.master.state.frameworks.get(framework.id.value)
    if known is None:
        return [f"{framework.name} is not known"]
    found = []
    living = {name for name, (state, agent_id) in framework.mind.items() if not _is_over(cluster, state, agent_id)}
    in_master = {name for name, task in known.tasks.items() if not task.ended}
    on_agents, waiting = set(), set()
    for host in cluster.hosts:
        record = host.agent.agent.ledger.frameworks.get(framework.id.value) if host.agent else None
        for executor in record.executors.values() if record else ():
            on_agents |= {task.id for task in executor.tasks()}
            waiting |= set(executor.terminated)
    if not living == in_master == on_agents:
        whose = f"its master {sorted(in_master)}, its agents {sorted(on_agents)}"
        found.append(f"{framework.name} believes {sorted(living)}, {whose}")
    if running := {name for name in cluster.books.running if name.startswith(f"{framework.name}-")} - on_agents:
        found.append(f"{sorted(running)} run and nobody knows")
    if waiting:
        found.append(f"{sorted(waiting)} have ended and are not acknowledged")
    if ended := [name for name, task in known.tasks.items() if task.ended]:
        found.append(f"the master keeps {ended}")
    if lost := [name for name, task in known.unreachable.items() if not _is_over(cluster, task.state, task.agent_id)]:
        found.append(f"the master cannot reach {lost}")
    return found


def _is_over(cluster: Cluster, state: TaskState, agent_id: str) -> bool:
    """Also where the agent was replaced by a new one before it learnt its id: to the master that is unreachable."""
    ids = {host.agent.agent.info.id.value for host in cluster.hosts if host.agent and host.agent.agent.info.id}
    over = TERMINAL | {TaskState.TASK_UNKNOWN}
    return state in over or (state is TaskState.TASK_UNREACHABLE and agent_id not in ids)


def _of_resources(cluster: Cluster, leader: MasterProcess) -> list[str]:
    """Nothing is held that is not used, and all that nobody uses is offered."""
    found = []
    state = leader.master.state
    roles = {role for framework in cluster.frameworks if not framework.over for role in framework.roles}
    for host in cluster.hosts:
        agent = host.agent.agent
        agent_id = agent.info.id.value
        parts = []
        for _, executor in agent.ledger.executors():
            if executor.state is not ExecutorState.TERMINATED:
                parts += [amounts(task.info.resources) for task in executor.tasks()]
                parts += [] if executor.is_command else [amounts(executor.info.resources)]
        used, offered = total(parts), cluster.books.outstanding(leader.name, agent_id)
        held = total(amounts(each.messages()) for each in state.allocator._agents[agent_id].used.values())
        if held != used + offered:
            found.append(f"{host.name}: the allocator holds {held}, but {used} is used and {offered} offered")
        left = state.allocator.available(agent_id)
        usable = left.filter(lambda kind: not kind.reservations or kind.role in roles)
        if usable.scalar("cpus") >= _LEAST_CPUS or usable.scalar("mem") >= _LEAST_MEM_MB:
            found.append(f"{host.name}: {usable} is offered to nobody")
        kept = agent.checkpointed
        if amounts(kept) != amounts(state.agents[agent_id].checkpointed):
            found.append(f"{host.name}: the master believes in other reservations")
    return found
