"""What goes wrong, and what schedulers and operators do meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mesosctl.runtime.protocol.basics import DurationInfo, MachineID, TimeInfo, Unavailability
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.maintenance import Schedule, Window
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource, Volume
from mesosctl.runtime.resources import Resources
from tests.unit.simulation.coordination import HOST as ZOOKEEPER

if TYPE_CHECKING:
    from tests.unit.simulation.run import Cluster

_Operation = Offer.Operation


def trouble(cluster: Cluster) -> None:
    world = cluster.world
    actions = list(_WEIGHTS)
    # Each run has its own kind of trouble.
    weights = [weight * world.random.choice([0, 1, 1, 3]) for weight in _WEIGHTS.values()]
    weights[0] += 1
    world.clock.advance(world.between(1, 10))
    for _ in range(world.random.randint(30, 120)):
        action = world.random.choices(actions, weights)[0]
        world.log("trouble", action.__name__)
        action(cluster)
        world.clock.advance(world.random.choice([0.02, 0.3, 1, 3, 3, 10]) * world.random.random())


def _wait(cluster: Cluster) -> None:
    cluster.world.clock.advance(5)


def _scheduler(cluster: Cluster):
    return cluster.world.random.choice(cluster.frameworks).scheduler


def _kill_master(cluster: Cluster) -> None:
    name = cluster.world.random.choice([*cluster.masters])
    process = cluster.masters[name]
    if cluster.leader and cluster.world.chance(0.6):
        name, process = cluster.leader.host, cluster.leader
    if process.alive:
        process.kill()
        if cluster.world.chance(0.5):
            cluster.zookeeper.leave(process)


def _stop_leader(cluster: Cluster) -> None:
    if (leader := cluster.leader) is not None:
        leader.stop()
        cluster.world.clock.after(cluster.world.between(0.1, 40), leader.resume)


def _stop_agent(cluster: Cluster) -> None:
    agent = cluster.world.random.choice(cluster.hosts).agent
    if agent is not None:
        agent.stop()
        cluster.world.clock.after(cluster.world.between(0.1, 60), agent.resume)


def _kill_agent(cluster: Cluster) -> None:
    host = cluster.world.random.choice(cluster.hosts)
    agent, seconds = host.agent, cluster.world.random.choice([0.1, 2, 40]) * cluster.world.random.random()
    if agent is None:
        return

    def end() -> None:
        agent.kill()
        host.start_soon(seconds)

    if cluster.world.chance(0.4):
        agent.loop.doomed = end
    else:
        end()


def _reboot(cluster: Cluster) -> None:
    host = cluster.world.random.choice(cluster.hosts)
    host.reboot()
    host.start_soon(cluster.world.between(0.1, 40))


def _kill_container(cluster: Cluster) -> None:
    containers = [*cluster.world.random.choice(cluster.hosts).containers.values()]
    if containers:
        cluster.world.random.choice(containers).exit(9)


def _part(cluster: Cluster) -> None:
    """One host hears or reaches some others no more, or both."""
    world = cluster.world
    masters, hosts = [*cluster.masters], [host.name for host in cluster.hosts]
    schedulers = [each.host for framework in cluster.frameworks for each in framework.schedulers]
    one = world.random.choice([*masters, *hosts])
    others = [each for each in [*masters, *hosts, *schedulers, ZOOKEEPER] if each != one and world.chance(0.6)]
    ways = {(one, each) for each in others} | {(each, one) for each in others}
    which = world.random.randrange(4)
    ways = {way for way in ways if which > 1 or (way[0] == one) == bool(which)}
    world.blocked |= ways
    world.log("trouble", "blocked", sorted(world.blocked))
    world.clock.after(world.between(0.1, 40), lambda: world.blocked.difference_update(ways))


def _slow(cluster: Cluster) -> None:
    cluster.world.slowness = cluster.world.random.choice([1, 1, 5, 50])


def _disconnect(cluster: Cluster) -> None:
    if scheduler := _scheduler(cluster):
        scheduler.disconnect()


def _fail_over(cluster: Cluster) -> None:
    """Another scheduler takes over, from one that is dead or does not know yet."""
    framework = cluster.world.random.choice(cluster.frameworks)
    if framework.scheduler and cluster.world.chance(0.5):
        framework.scheduler.kill()
    framework.start_scheduler()


def _kill_tasks(cluster: Cluster) -> None:
    if scheduler := _scheduler(cluster):
        for _ in range(cluster.world.random.randint(1, 3)):
            scheduler.kill_some_task()


def _reconcile(cluster: Cluster) -> None:
    if scheduler := _scheduler(cluster):
        scheduler.reconcile(explicitly=cluster.world.chance(0.5))


def _suppress(cluster: Cluster) -> None:
    if scheduler := _scheduler(cluster):
        scheduler.suppress()


def _revive(cluster: Cluster) -> None:
    if scheduler := _scheduler(cluster):
        scheduler.revive()


def _message(cluster: Cluster) -> None:
    if scheduler := _scheduler(cluster):
        scheduler.message()


def _teardown(cluster: Cluster) -> None:
    if scheduler := _scheduler(cluster):
        scheduler.teardown()


# Operators.


def _operate(cluster: Cluster, work) -> None:
    """Let the leader do something with an agent that it knows."""
    leader = cluster.leader
    if leader is None:
        return
    agents = [*leader.master.state.agents, *leader.master.state.unreachable]
    if not agents:
        return
    agent_id = cluster.world.random.choice(agents)

    def act() -> None:
        leader.guard()
        try:
            work(leader.master, agent_id)
        except Refusal as refusal:
            cluster.world.log("operator", "hears", refusal)

    leader.run(act)


def _drain(cluster: Cluster) -> None:
    grace = cluster.world.random.choice([None, DurationInfo(1_000_000_000)])
    gone = cluster.world.chance(0.2)
    _operate(cluster, lambda master, agent: master.commit(master.draining.drain(agent, grace, mark_gone=gone)))


def _deactivate(cluster: Cluster) -> None:
    _operate(cluster, lambda master, agent: master.commit(master.draining.deactivate(agent)))


def _reactivate(cluster: Cluster) -> None:
    _operate(cluster, lambda master, agent: master.commit(master.draining.reactivate(agent)))


def _mark_gone(cluster: Cluster) -> None:
    _operate(
        cluster,
        lambda master, agent: master.commit(master.draining.mark_gone(agent), lambda: cluster.books.gone.add(agent)),
    )


def _maintain(cluster: Cluster) -> None:
    now = int(cluster.world.clock.now() * 1e9)
    hosts = [host.name for host in cluster.hosts if cluster.world.chance(0.5)]
    windows = tuple(Window(Unavailability(TimeInfo(now)), (MachineID(hostname=host, ip=host),)) for host in hosts)
    _operate(cluster, lambda master, agent: master.commit(master.maintenance.update(Schedule(windows))))


def _machines_down(cluster: Cluster) -> None:
    def work(master, agent) -> None:
        machines = tuple(each.id for each in master.maintenance.status().draining_machines[:1])
        master.commit(master.maintenance.start(machines))

    _operate(cluster, work)


def _machines_up(cluster: Cluster) -> None:
    _operate(
        cluster,
        lambda master, agent: master.commit(master.maintenance.stop(master.maintenance.status().down_machines)),
    )


def _reserve(cluster: Cluster) -> None:
    """Reserve something, make a volume of it, or take either back."""
    world = cluster.world

    def work(master, agent_id) -> None:
        agent = master.state.agents.get(agent_id)
        if agent is None:
            return
        dynamic = agent.total.filter(lambda kind: kind.dynamic and not kind.volume)
        disk, volumes = dynamic.named("disk"), agent.total.persistent_volumes()
        choice = world.random.random()
        if volumes and choice < 0.4:
            operation = _Operation(type=_Operation.Type.DESTROY, destroy=_Operation.Destroy(volumes.messages()))
        elif disk and choice < 0.6:
            (message,) = disk.messages()
            persistence = Resource.DiskInfo.Persistence(id=f"v{world.random.randrange(10**6)}")
            info = Resource.DiskInfo(persistence=persistence, volume=Volume(mode=Volume.Mode.RW, container_path="v"))
            create = _Operation.Create((replace(message, disk=info),))
            operation = _Operation(type=_Operation.Type.CREATE, create=create)
        elif dynamic and choice < 0.5:
            operation = _Operation(type=_Operation.Type.UNRESERVE, unreserve=_Operation.Unreserve(dynamic.messages()))
        else:
            info = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role="r")
            wanted = Resources.parse("cpus:1;mem:64;disk:32").push_reservation(info)
            operation = _Operation(
                type=_Operation.Type.RESERVE, reserve=_Operation.Reserve(resources=wanted.messages())
            )
        master.reservations.perform(agent_id, operation)

    _operate(cluster, work)


_WEIGHTS = {
    _wait: 4,
    _kill_master: 2,
    _stop_leader: 1,
    _stop_agent: 1,
    _kill_agent: 3,
    _reboot: 0.5,
    _kill_container: 1,
    _part: 3,
    _slow: 1,
    _disconnect: 2,
    _fail_over: 2,
    _kill_tasks: 4,
    _reconcile: 2,
    _suppress: 0.5,
    _revive: 2,
    _message: 0.5,
    _teardown: 0.1,
    _drain: 0.5,
    _deactivate: 0.3,
    _reactivate: 1,
    _mark_gone: 0.2,
    _maintain: 0.3,
    _machines_down: 0.2,
    _machines_up: 0.5,
    _reserve: 1,
}
