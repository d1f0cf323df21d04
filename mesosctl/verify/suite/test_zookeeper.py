"""The guide's chapter "Zookeeper": an ensemble whose members know each other and follow one leader."""

from __future__ import annotations

from collections.abc import Callable

from testinfra.host import Host

from mesosctl.inventory.model import Cluster, Role
from mesosctl.inventory.model import Host as Node
from mesosctl.transport.errors import TransportError
from mesosctl.verify.promises import promise
from mesosctl.verify.services import open_files, running, starts_again, starts_with_host

TITLE = "ZooKeeper"

CONFIGURATION = "/etc/zookeeper/conf/zoo.cfg"
Server = Callable[[Node], Host]


def settings(host: Host) -> dict[str, str]:
    lines = host.check_output("cat %s", CONFIGURATION).splitlines()
    return {
        name.strip(): value.strip()
        for name, sign, value in (line.partition("=") for line in lines if not line.lstrip().startswith("#"))
        if sign
    }


def mode(host: Host, cluster: Cluster) -> str:
    """What the server says it does: leader, follower or standalone; "" where it takes no part."""
    address = cluster.zookeeper.settings.get("clientPortAddress", "127.0.0.1")
    answer = host.run(
        "timeout 5 bash -c %s",
        f"exec 3<>/dev/tcp/{address}/{cluster.zookeeper.client_port}; printf srvr >&3; cat <&3",
    )
    return next((line.removeprefix("Mode: ") for line in answer.stdout.splitlines() if line.startswith("Mode: ")), "")


def all_modes(on: Server, cluster: Cluster) -> dict[str, str]:
    """`mode` of all servers by their hosts' names; "" for those that cannot be asked."""
    found = {}
    for node in cluster.with_role(Role.ZOOKEEPER):
        try:
            found[node.name] = mode(on(node), cluster)
        except TransportError:
            found[node.name] = ""
    return found


@promise(Role.ZOOKEEPER)
def test_zookeeper_members(host: Host, cluster: Cluster) -> None:
    """zoo.cfg lists every member with its ports"""
    found = {name: value.partition(";")[0] for name, value in settings(host).items() if name.startswith("server.")}
    members = cluster.with_role(Role.ZOOKEEPER)
    wanted = {
        f"server.{node.zookeeper_id}": f"{'[' + node.address + ']' if ':' in node.address else node.address}"
        f":{cluster.zookeeper.peer_port}:{cluster.zookeeper.election_port}"
        for node in members
    }
    if len(members) == 1 and not found:
        return
    assert found == wanted, f"it lists {found}"


@promise(Role.ZOOKEEPER)
def test_zookeeper_directories(host: Host, cluster: Cluster) -> None:
    """zoo.cfg names the data directory, which belongs to ZooKeeper's user alone"""
    assert settings(host).get("dataDir") == cluster.zookeeper.data_dir, f"dataDir is {settings(host).get('dataDir')}"
    owner, permissions = host.check_output("stat -c '%%U %%a' %s", cluster.zookeeper.data_dir).split()
    assert owner == cluster.zookeeper.user, f"{cluster.zookeeper.data_dir} belongs to {owner}"
    assert int(permissions, 8) & 0o022 == 0, f"{cluster.zookeeper.data_dir} has the mode {permissions}"


@promise(Role.ZOOKEEPER)
def test_zookeeper_purges(host: Host, cluster: Cluster) -> None:
    """Old snapshots are purged as declared"""
    found, declared = settings(host), cluster.zookeeper.autopurge
    assert found.get("autopurge.purgeInterval", "0") == str(declared.interval), "the interval is another"
    assert found.get("autopurge.snapRetainCount", "3") == str(declared.retain), "it keeps another number of them"


@promise(Role.ZOOKEEPER)
def test_zookeeper_id(host: Host, node: Node, cluster: Cluster) -> None:
    """myid is the host's persistent id"""
    found = host.check_output("cat %s", f"{cluster.zookeeper.data_dir}/myid").strip()
    assert found == str(node.zookeeper_id), f"it is {found}"


@promise(Role.ZOOKEEPER)
def test_zookeeper_starts_with_the_host(host: Host) -> None:
    """ZooKeeper starts with the host"""
    starts_with_host(host, "zookeeper")


@promise(Role.ZOOKEEPER)
def test_zookeeper_starts_again(host: Host) -> None:
    """ZooKeeper starts again when its program ends"""
    starts_again(host, "zookeeper")


@promise(Role.ZOOKEEPER)
def test_zookeeper_runs(host: Host, cluster: Cluster) -> None:
    """ZooKeeper runs as its own user, with the declared heap, and may open the declared number of files"""
    running(host, "zookeeper")
    process = host.check_output("ps -ww -o user:32=,args= -p $(pgrep -o -f org.apache.zookeeper.server)").split()
    assert process[0] == cluster.zookeeper.user, f"it runs as {process[0]}"
    heaps = [word for word in process if word.startswith("-Xmx")]
    assert heaps[-1:] == [f"-Xmx{cluster.zookeeper.heap}m"], f"its heap is {heaps[-1] if heaps else 'not set'}"
    open_files(host, "zookeeper", cluster.limits.nofile)


@promise(Role.ZOOKEEPER)
def test_zookeeper_takes_part(host: Host, cluster: Cluster) -> None:
    """The server takes part in the quorum"""
    found = mode(host, cluster)
    alone = len(cluster.with_role(Role.ZOOKEEPER)) == 1
    assert found in (("standalone", "leader") if alone else ("leader", "follower")), f"it is {found or 'not serving'}"


@promise(Role.ZOOKEEPER, once=True, when=lambda cluster: len(cluster.with_role(Role.ZOOKEEPER)) > 1)
def test_one_zookeeper_leads(on: Server, cluster: Cluster) -> None:
    """One server leads, and all others follow it"""
    modes = all_modes(on, cluster)
    told = ", ".join(f"{name} {f'is {found}' if found else 'does not serve'}" for name, found in modes.items())
    assert sorted(modes.values()) == ["follower"] * (len(modes) - 1) + ["leader"], told


@promise(Role.ZOOKEEPER, once=True, when=lambda cluster: len(cluster.with_role(Role.ZOOKEEPER)) > 2)
def test_quorum_survives_a_loss(on: Server, cluster: Cluster) -> None:
    """The quorum outlives the loss of any one server"""
    modes = all_modes(on, cluster)
    serving = [name for name, found in modes.items() if found in ("leader", "follower")]
    assert len(serving) - 1 > len(modes) // 2, f"{len(serving)} of {len(modes)} serve"
