"""What is refused before a host is touched, as a table: what the hosts have, what the inventory wants."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from mesosctl.engine.facts import Facts, assumed
from mesosctl.inventory.distribution import Tarball
from mesosctl.inventory.model import (
    Cluster,
    Docker,
    Host,
    Marathon,
    Mesos,
    MesosAgent,
    Proxy,
    ProxyUrl,
    Role,
    Zookeeper,
)
from mesosctl.tasks import guards
from mesosctl.tasks.mesos import agent_flags

ZOOKEEPER, MASTER, AGENT = frozenset({Role.ZOOKEEPER}), frozenset({Role.MASTER}), frozenset({Role.AGENT})


def cluster(hosts: list[Host], quorum: int = 1) -> Cluster:
    return Cluster(name="c", path=Path("i"), state_dir=Path("s"), hosts=tuple(hosts), mesos=Mesos(quorum=quorum))


def server(number: int, name: str = "") -> Host:
    return Host(name=name or f"z{number}", address=f"10.0.0.{number}", roles=ZOOKEEPER, zookeeper_id=number)


def serving(number: int, ensemble: list[int], mode: str = "follower", myid: int | None = -1) -> Facts:
    """A host that is a member of an ensemble; `myid` None: its data is gone."""
    lines = tuple(f"server.{other}=10.0.0.{other}:2888:3888" for other in ensemble)
    identity = "" if myid is None else str(number if myid == -1 else myid)
    return replace(assumed("debian"), zookeeper_servers=lines, zookeeper_myid=identity, zookeeper_mode=mode)


NEW = assumed("debian")


def refused(wanted: list[int], facts: dict[int, Facts]) -> list[str]:
    found = guards.refusals(cluster([server(number) for number in wanted]), {f"z{n}": its for n, its in facts.items()})
    assert all(refusal.what and refusal.fix for refusal in found)
    return [refusal.id for refusal in found]


@pytest.mark.parametrize(
    ("old", "new", "ids"),
    [
        ([], [1, 2, 3], []),
        ([1, 2, 3], [1, 2, 3], []),
        ([1], [1, 2], []),
        ([1, 2], [1, 2, 3], []),
        ([1, 2, 3], [1, 2, 3, 4], []),
        ([1, 2, 3, 4], [1, 2, 3, 4, 5], []),
        ([1, 2, 3, 4, 5], [1, 2, 3, 4], []),
        ([1, 2, 3], [1, 2], []),
        ([1], [1, 2, 3], ["zookeeper-members"]),
        ([1, 2, 3], [1, 2, 3, 4, 5], ["zookeeper-members"]),
        ([1, 2, 3, 4, 5], [1, 2, 3], ["zookeeper-members"]),
        ([1, 2, 3], [1, 4, 5], ["zookeeper-members"]),
        ([1, 2, 3], [1, 2, 4], ["zookeeper-members"]),
        ([1, 2, 3], [3], ["zookeeper-members"]),
        ([1, 2, 3], [4, 5, 6], []),  # other hosts altogether: nothing of the old ensemble is in this inventory
    ],
)
def test_members(old: list[int], new: list[int], ids: list[str]) -> None:
    facts = {
        number: serving(number, old, "leader" if number == min(old) else "follower") for number in new if number in old
    }
    facts |= {number: NEW for number in new if number not in old}
    assert refused(new, facts) == ids


def test_majorities_meet_exactly_where_no_two_are_disjoint() -> None:
    universe = range(1, 7)
    sets = [set(c) for size in range(1, 6) for c in itertools.combinations(universe, size)]
    for old in ({1}, {1, 2}, {1, 2, 3}, {1, 2, 3, 4}, {1, 2, 3, 4, 5}):
        for new in sets:
            meet = all(
                set(a) & set(b)
                for a in itertools.combinations(old, len(old) // 2 + 1)
                for b in itertools.combinations(new, len(new) // 2 + 1)
            )
            assert guards.majorities_meet(old, new) == meet, (old, new)


def test_the_safe_way_names_the_first_step() -> None:
    facts = {f"z{n}": serving(n, [1, 2, 3]) for n in (1, 2, 3)}
    refusal = guards.refusals(cluster([server(n) for n in range(1, 6)]), facts)[0]
    assert "add server 4 only" in refusal.fix


def test_a_first_bootstrap_that_was_interrupted_goes_on() -> None:
    everything = [1, 2, 3]
    assert refused(everything, {1: serving(1, everything, ""), 2: NEW, 3: NEW}) == []
    assert refused(everything, {1: serving(1, everything, ""), 2: serving(2, everything, ""), 3: NEW}) == []


def test_one_lost_server_comes_back_while_all_others_serve() -> None:
    members = [1, 2, 3]
    healthy = {1: serving(1, members, "leader"), 2: serving(2, members)}
    assert refused(members, {**healthy, 3: NEW}) == []
    assert refused(members, {1: serving(1, members, "leader"), 2: NEW, 3: NEW}) == ["zookeeper-data"]
    five = [1, 2, 3, 4, 5]
    four = {n: serving(n, five) for n in (1, 2, 3)} | {4: serving(4, five, "")}
    assert refused(five, {**four, 5: NEW}) == ["zookeeper-data"]


def test_a_host_that_is_down_is_no_loss() -> None:
    members = [1, 2, 3]
    assert refused(members, {1: serving(1, members, "leader"), 2: serving(2, members)}) == []


def test_ids_stay() -> None:
    members = [1, 2, 3]
    facts = {"z1": serving(1, members), "z2": serving(2, members), "z3": serving(3, members, myid=9)}
    found = guards.refusals(cluster([server(n) for n in members]), facts)
    assert [(refusal.id, refusal.where) for refusal in found] == [("zookeeper-id", "z3")]
    assert "zookeeper_id: 9" in found[0].fix


def test_an_id_that_others_know_stays_even_when_its_host_is_down() -> None:
    hosts = [server(1), server(2), replace(server(3), zookeeper_id=4)]
    facts = {"z1": serving(1, [1, 2, 3], "leader"), "z2": serving(2, [1, 2, 3])}
    assert "zookeeper-id" in [refusal.id for refusal in guards.refusals(cluster(hosts), facts)]


def test_standalone_does_not_become_an_ensemble_at_once() -> None:
    alone = replace(NEW, zookeeper_mode="standalone", zookeeper_myid="1")
    assert refused([1, 2, 3], {1: alone, 2: NEW, 3: NEW}) == ["zookeeper-standalone"]
    assert refused([1], {1: alone}) == []


@pytest.mark.parametrize(
    ("have", "want", "quorum", "ids"),
    [
        ({}, 3, 2, []),
        ({1: 2, 2: 2, 3: 2}, 3, 2, []),
        ({1: 2}, 3, 2, []),  # an interrupted first bootstrap
        ({1: 2, 2: 2, 3: 2}, 3, 3, []),  # the first step from three to five
        ({1: 3, 2: 3, 3: 3}, 5, 3, []),  # the second
        ({1: 3, 2: 3, 3: 2}, 3, 3, []),  # the first step, interrupted
        ({1: 2, 2: 2, 3: 2}, 5, 3, ["mesos-quorum-step"]),
        ({1: 3, 2: 3, 3: 3, 4: 3, 5: 3}, 3, 3, []),
        ({1: 3, 2: 3, 3: 3}, 3, 2, []),
        ({1: 1}, 3, 2, ["mesos-quorum-from-one"]),
    ],
)
def test_quorum(have: dict[int, int], want: int, quorum: int, ids: list[str]) -> None:
    hosts = [Host(name=f"m{n}", address=f"10.0.0.{n}", roles=MASTER if n <= want else AGENT) for n in range(1, 6)]
    facts = {host.name: replace(NEW, quorum=have.get(n)) for n, host in enumerate(hosts, 1)}
    assert [refusal.id for refusal in guards.refusals(cluster(hosts, quorum), facts)] == ids


def test_five_to_three_in_one_step() -> None:
    hosts = [Host(name=f"m{n}", address=f"10.0.0.{n}", roles=MASTER if n <= 3 else AGENT) for n in range(1, 6)]
    facts = {host.name: replace(NEW, quorum=3) for host in hosts}
    refusal = guards.refusals(cluster(hosts, 2), facts)[0]
    assert refusal.id == "mesos-quorum-step"
    assert "first remove m4, m5 with mesos.quorum: 3" in refusal.fix


def test_what_cannot_be_installed() -> None:
    redhat = assumed("redhat")
    hosts = [server(1), Host(name="a", address="10.0.0.9", roles=AGENT)]
    wanted = replace(cluster(hosts), docker=Docker(source="os"))
    ids = [refusal.id for refusal in guards.refusals(wanted, {"z1": redhat, "a": redhat})]
    assert ids == ["zookeeper-package", "docker-package"]
    fine = replace(cluster(hosts), zookeeper=Zookeeper(tarball=Tarball("x.tar.gz", "0" * 64)))
    assert guards.refusals(fine, {"z1": redhat, "a": redhat}) == []


def test_maven_settings_that_cannot_be_merged() -> None:
    wanted = replace(cluster([server(1)]), proxy=Proxy(http=ProxyUrl("http", "p", 1)))
    facts = replace(NEW, files={"/root/.m2/settings.xml": "<settings>"})
    found = guards.refusals(wanted, {"z1": facts})
    assert [(refusal.id, refusal.where) for refusal in found] == [("maven-settings", "z1")]


@pytest.mark.parametrize(
    ("before", "now", "equal", "additive"),
    [
        ({}, {}, True, True),
        ({"resources": "mem:8;cpus:2"}, {"resources": "cpus:2.0;mem:8"}, True, True),
        ({"attributes": "rack:r1"}, {"attributes": "rack:r1;zone:a"}, False, True),
        ({"attributes": "rack:r1"}, {"attributes": "rack:r2"}, False, False),
        ({"attributes": "rack:r1"}, {}, False, False),
        ({"attributes": "size:1"}, {"attributes": "size:2"}, False, False),
        ({"attributes": "ids:[1-3]"}, {"attributes": "ids:[0-5]"}, False, True),
        ({"resources": "cpus:2"}, {"resources": "cpus:4"}, False, True),
        ({"resources": "cpus:4"}, {"resources": "cpus:2"}, False, False),
        ({"resources": "ports:[31000-32000]"}, {"resources": "ports:[30000-31500,31400-33000]"}, False, False),
        ({"resources": "ports:[31000-32000]"}, {"resources": "ports:[30000-33000,40000-40001]"}, False, True),
        ({"resources": "disks:{a,b}"}, {"resources": "disks:{b,a,c}"}, False, True),
        ({"resources": "disks:{a,b}"}, {"resources": "disks:{a}"}, False, False),
        ({"resources": "licences:2"}, {}, False, False),
        ({"resources": "cpus:2"}, {}, False, True),  # it may find more by itself
        ({"hostname": "old"}, {}, False, False),
        ({"port": "6051"}, {}, False, False),
    ],
)
def test_what_an_agent_that_has_run_would_not_start_with(
    before: dict[str, str], now: dict[str, str], equal: bool, additive: bool
) -> None:
    host = Host(name="a1", address="10.0.0.1", roles=AGENT)
    for policy, allowed in (("equal", equal), ("additive", additive)):
        wanted = {
            name: dict(part.split(":") for part in now.get(name, "").split(";") if part)
            for name in ("attributes", "resources")
        }
        agent = MesosAgent(**wanted, flags={"reconfiguration_policy": policy})  # type: ignore[arg-type]
        made = replace(cluster([host]), mesos=Mesos(agent=agent))
        flags = agent_flags(cluster([host]), host)
        identity = {name: flags[name] for name in ("work_dir", "hostname", "port")} | before
        found = guards.refusals(made, {"a1": replace(NEW, agent_identity=identity)})
        assert [refusal.id for refusal in found] == ([] if allowed else ["agent-identity"])
        assert not guards.refusals(made, {"a1": replace(NEW, agent_identity={**identity, "work_dir": "/other"})})
        assert not guards.refusals(made, {"a1": NEW}), "an agent that never ran takes what it is given"


@pytest.mark.parametrize(
    ("have", "want", "ids"),
    [
        (None, "m", []),
        ("m", "m", []),
        ("", "", []),
        ("", "m", ["marathon-principal"]),
        ("m", "", ["marathon-principal"]),
    ],
)
def test_a_marathon_keeps_its_principal(have: str | None, want: str, ids: list[str]) -> None:
    host = Host(name="m1", address="10.0.0.1", roles=frozenset({Role.MARATHON}))
    flags = {"mesos_authentication_principal": want} if want else {}
    made = replace(cluster([host]), marathon=Marathon(flags=flags))
    found = guards.refusals(made, {"m1": replace(NEW, marathon_principal=have)})
    assert [refusal.id for refusal in found] == ids
    assert all(refusal.may_be_accepted for refusal in found)
