"""The guide's chapter "HA": several masters, one of which leads and is found through ZooKeeper."""

from __future__ import annotations

from testinfra.host import Host

from mesosctl.inventory.model import Cluster, Role
from mesosctl.inventory.model import Host as Node
from mesosctl.verify.http import Ask, answering
from mesosctl.verify.promises import promise
from mesosctl.verify.services import environment
from mesosctl.verify.suite.test_mesos import PREFIX, configuration, has_zookeeper, servers, zookeeper

TITLE = "HA"


def several(cluster: Cluster) -> bool:
    return len(cluster.with_role(Role.MASTER)) > 1


@promise(Role.MASTER, when=has_zookeeper)
def test_master_zookeeper(host: Host, cluster: Cluster) -> None:
    """The master is elected in the cluster's ZooKeeper"""
    found = environment(host, f"{configuration(cluster)}/mesos-master-env.sh", PREFIX).get("zk", "")
    assert zookeeper(found) == (servers(cluster), cluster.mesos.zk_path), "MESOS_zk leads elsewhere"


@promise(Role.MASTER, when=has_zookeeper)
def test_master_quorum(host: Host, cluster: Cluster) -> None:
    """The quorum is a majority of the masters"""
    found = environment(host, f"{configuration(cluster)}/mesos-master-env.sh", PREFIX).get("quorum", "")
    assert found.isdigit(), f"MESOS_quorum is {found or 'not set'}"
    assert int(found) > len(cluster.with_role(Role.MASTER)) / 2, f"{found} is no majority"


@promise(Role.MASTER, once=True)
def test_one_leading_master(cluster: Cluster, ask: Ask) -> None:
    """One master leads"""
    answers = answering(ask, cluster, Role.MASTER, "/metrics/snapshot")
    leading = [name for name, answer in answers.items() if answer.json.get("master/elected") == 1]
    assert len(leading) == 1, f"{', '.join(leading) or 'none'} leads"


@promise(Role.MASTER, when=several)
def test_redirects(node: Node, cluster: Cluster, ask: Ask) -> None:
    """The master sends clients to the one that leads"""
    answer = ask(node, Role.MASTER, "/redirect")
    assert answer.status == 307, f"/redirect answers {answer.status}"
    place = answer.headers.get("location", "").partition("//")[2].partition("/")[0]
    known = {f"{other.address}:{cluster.mesos.master.port}" for other in cluster.with_role(Role.MASTER)}
    assert place in known, f"it sends them to {place or 'nowhere'}"


@promise(Role.MASTER, once=True, when=several)
def test_masters_agree(cluster: Cluster, ask: Ask) -> None:
    """All masters name the same leader"""
    answers = answering(ask, cluster, Role.MASTER, "/redirect")
    named = {name: answer.headers.get("location", "nobody") for name, answer in answers.items()}
    assert len(set(named.values())) == 1, f"they name {named or 'nobody'}"
