"""What would lose data, or cannot work: found from the inventory and the facts before any host is touched.

ZooKeeper: a change of members is safe while every majority of the old ensemble shares a member with every majority
of the new one, so that nobody can be elected who has not seen the last commit (Administrator's Guide, "Ensemble
sizing"; Paxos). Mesos' replicated log: one step changes the quorum or the masters, never both ("Operational Guide",
"Increasing the quorum size").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.tasks import agent_identity, docker_repository, marathon, proxy
from mesosctl.tasks.common import bracketed
from mesosctl.tasks.mesos_python import python_of, runs_mesos

SERVER_LINE = re.compile(r"server\.(\d+)\s*=\s*(\[[^\]]+\]|[^:;]+)")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that is not done. `id` names the rule, `where` is a host, or "" for the cluster."""

    id: str
    where: str
    what: str
    fix: str
    """The safe way."""
    may_be_accepted: bool = False
    """The operator may want it all the same, knowing that the data is lost."""


def refusals(cluster: Cluster, facts: Mapping[str, Facts]) -> list[Refusal]:
    """Everything that this cluster's inventory must not be carried out for, given the hosts' facts (by host name;
    hosts that could not be asked are missing)."""
    return [
        *_software(cluster, facts),
        *_own_ids(cluster, facts),
        *_members(cluster, facts),
        *_standalone(cluster, facts),
        *_quorum(cluster, facts),
        *_agents(cluster, facts),
        *_principal(cluster, facts),
    ]


def _software(cluster: Cluster, facts: Mapping[str, Facts]) -> Iterator[Refusal]:
    for host in cluster.hosts:
        its = facts.get(host.name)
        if not its:
            continue
        source = docker_repository.source(cluster, its)
        if host.has(Role.ZOOKEEPER) and its.package_manager != "apt" and not cluster.zookeeper.tarball:
            yield Refusal(
                "zookeeper-package",
                host.name,
                f"there is no ZooKeeper package for {its.os_id or 'this system'}",
                "name a release in the inventory: zookeeper.tarball with location and sha256",
            )
        if host.has(Role.AGENT) and source == "os" and its.family == "redhat":
            yield Refusal(
                "docker-package",
                host.name,
                f"there is no Docker package in the repositories of {its.os_id}",
                "set docker.source to docker (Docker's own repository) or none (you install it)",
            )
        if host.has(Role.AGENT) and source == "docker" and its.family == "debian" and not its.os_codename:
            yield Refusal(
                "docker-release",
                host.name,
                "this release has no codename, by which Docker's repository is divided",
                "set docker.source to os",
            )
        if runs_mesos(host) and cluster.distribution == "bundled" and not python_of(its):
            yield Refusal(
                "mesos-python",
                host.name,
                f"the runtime needs Python 3.11 or newer, and neither the host nor {its.os_id or 'its system'} "
                f"{its.os_version} has one",
                "install one as python3.11, python3.12 or later, or name another distribution in the inventory",
            )
        for path, reason in proxy.unmergeable(cluster, its).items():
            yield Refusal(
                "maven-settings",
                host.name,
                f"the proxy cannot be merged into {path}: {reason}",
                "repair or remove that file, or set proxy.tools.maven to false",
            )


def _own_ids(cluster: Cluster, facts: Mapping[str, Facts]) -> Iterator[Refusal]:
    """A server that changes its id forgets its votes, and may take part twice."""
    for host in cluster.with_role(Role.ZOOKEEPER):
        its = facts.get(host.name)
        if its and its.zookeeper_myid and its.zookeeper_myid != str(host.zookeeper_id):
            yield Refusal(
                "zookeeper-id",
                host.name,
                f"its ZooKeeper has the id {its.zookeeper_myid}, the inventory says {host.zookeeper_id}",
                f"set zookeeper_id: {its.zookeeper_myid}, or remove the host from the ensemble and empty its data "
                "directory before it comes back under another id",
            )
    ids = {bracketed(host.address): host for host in cluster.with_role(Role.ZOOKEEPER)}
    told: set[str] = set()
    for ensemble in _ensembles(facts):
        for number, address in ensemble.items():
            host_now = ids.get(address)
            if not host_now or host_now.zookeeper_id == number or host_now.name in told:
                continue
            if facts.get(host_now.name) and facts[host_now.name].zookeeper_myid:
                continue
            told.add(host_now.name)
            yield Refusal(
                "zookeeper-id",
                host_now.name,
                f"the ensemble knows {address} as server {number}, the inventory says {host_now.zookeeper_id}",
                f"set zookeeper_id: {number}",
            )


def _members(cluster: Cluster, facts: Mapping[str, Facts]) -> Iterator[Refusal]:
    wanted = {host.zookeeper_id: host for host in cluster.with_role(Role.ZOOKEEPER)}
    serving = any(its.zookeeper_mode for its in facts.values())
    for ensemble in _ensembles(facts):
        old, new = set(ensemble), {number for number in wanted if number is not None}
        set_up = [number for number in old & new if _has_data(wanted[number], facts)]
        if not serving and len(set_up) <= len(old) // 2:
            continue  # A first bootstrap that was interrupted: there was never a majority.
        if not majorities_meet(old, new):
            yield Refusal(
                "zookeeper-members",
                "",
                f"the ensemble has the servers {_list(old)}, the inventory {_list(new)}: in one step a majority of "
                "the new servers could elect a leader that has not seen the last commits",
                f"{_one_step(old, new)}, bootstrap, then take the next step",
            )
            return
        lost = [number for number in old & new if number not in set_up]
        others = [wanted[number] for number in old & new if number in set_up]
        all_serve = all(
            facts[host.name].zookeeper_mode in ("leader", "follower") for host in others if host.name in facts
        )
        if serving and lost and (len(lost) > 1 or not all_serve):
            yield Refusal(
                "zookeeper-data",
                "",
                f"the data of {', '.join(wanted[number].name for number in lost)} is gone, and not all other servers "
                "take part: an election now could lose what was committed",
                "bring the other servers back into the quorum first, then restore one empty server at a time",
            )
            return


def majorities_meet(old: set[int], new: set[int]) -> bool:
    """Whether every majority of the old servers shares a server with every majority of the new ones.

    Of the servers that stay, each majority holds at least as many as its size less the servers outside; two such
    sets must meet when together they are more than those that stay.
    """
    stay = len(old & new)
    fewest_old = len(old) // 2 + 1 - (len(old) - stay)
    fewest_new = len(new) // 2 + 1 - (len(new) - stay)
    return fewest_old > 0 and fewest_new > 0 and fewest_old + fewest_new > stay


def _one_step(old: set[int], new: set[int]) -> str:
    joining, leaving = sorted(new - old), sorted(old - new)
    if joining:
        return f"change one server at a time: keep the old ones and add server {joining[0]} only"
    return f"change one server at a time: remove server {leaving[0]} only"


def _standalone(cluster: Cluster, facts: Mapping[str, Facts]) -> Iterator[Refusal]:
    members = cluster.with_role(Role.ZOOKEEPER)
    for host in members:
        its = facts.get(host.name)
        if its and its.zookeeper_mode == "standalone" and len(members) > 1:
            yield Refusal(
                "zookeeper-standalone",
                host.name,
                f"its ZooKeeper runs standalone, and {len(members) - 1} empty servers could outvote its data",
                f"bootstrap with {host.name} as the only zookeeper host (it becomes an ensemble of one), then add one "
                "host at a time",
            )


def _quorum(cluster: Cluster, facts: Mapping[str, Facts]) -> Iterator[Refusal]:
    masters = {host.name for host in cluster.with_role(Role.MASTER)}
    configured = {name: its.quorum for name, its in facts.items() if its.quorum is not None}
    new = cluster.mesos.quorum
    for old in sorted({quorum for quorum in configured.values() if quorum != new}):
        unseen = {name for name in masters if name not in facts}
        changed = masters - unseen != set(configured)
        if old == 1 and new > 1:
            yield Refusal(
                "mesos-quorum-from-one",
                "",
                f"one master becomes {len(masters)}: with quorum {new} the empty logs of the new masters can outvote "
                "the old one, and the registry is lost",
                "drain the agents, then `mesosctl reset --data` on the masters and bootstrap anew; or keep one master",
                may_be_accepted=True,
            )
        elif changed:
            first, second = _quorum_steps(old, new, sorted(configured), sorted(masters))
            yield Refusal(
                "mesos-quorum-step",
                "",
                f"the quorum changes from {old} to {new} and the masters from {', '.join(sorted(configured))} to "
                f"{', '.join(sorted(masters))} in one step: that can corrupt the replicated log",
                f"first {first}, bootstrap; then {second}, bootstrap again",
            )


def _agents(cluster: Cluster, facts: Mapping[str, Facts]) -> Iterator[Refusal]:
    for names, what, fix in agent_identity.changed(cluster, facts):
        yield Refusal("agent-identity", names, f"an agent that has run would not start with this: {what}", fix)


def _principal(cluster: Cluster, facts: Mapping[str, Facts]) -> Iterator[Refusal]:
    """A master that knows a framework refuses it under another principal."""
    for host in cluster.with_role(Role.MARATHON):
        its = facts.get(host.name)
        wanted = marathon.marathon_flags(cluster, host).get("mesos_authentication_principal", "")
        if its and its.marathon_principal is not None and its.marathon_principal != wanted:
            yield Refusal(
                "marathon-principal",
                "",
                f"Marathon's principal would change from {its.marathon_principal or 'none'} to {wanted or 'none'}: "
                "Mesos refuses that of a framework that it knows",
                "keep it (marathon.flags.mesos_authentication_principal); or, where Marathon never ran or after its "
                "apps were destroyed and its framework ended (TEARDOWN of the master's API), go on",
                may_be_accepted=True,
            )
            return


def _quorum_steps(old: int, new: int, before: list[str], after: list[str]) -> tuple[str, str]:
    quorum = f"set mesos.quorum: {new} with the masters {', '.join(before if new > old else after)}"
    if new > old:
        return quorum, f"add {', '.join(sorted(set(after) - set(before))) or 'the new masters'}"
    return f"remove {', '.join(sorted(set(before) - set(after))) or 'the masters'} with mesos.quorum: {old}", quorum


def _ensembles(facts: Mapping[str, Facts]) -> list[dict[int, str]]:
    """The ensembles that hosts are configured for, each as address by id; an interrupted change leaves two."""
    found: list[dict[int, str]] = []
    for its in facts.values():
        matches = (SERVER_LINE.match(line) for line in its.zookeeper_servers)
        ensemble = {int(match[1]): match[2].strip() for match in matches if match}
        if ensemble and ensemble not in found:
            found.append(ensemble)
    return found


def _has_data(host: Host, facts: Mapping[str, Facts]) -> bool:
    """Whether the server was set up; one that could not be asked counts as such."""
    its = facts.get(host.name)
    return its is None or bool(its.zookeeper_myid)


def _list(numbers: set[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))
