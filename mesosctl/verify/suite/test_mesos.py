"""The guide's chapter "Add & Configure Mesos": environment files, lists of nodes, programs, and what they do."""

from __future__ import annotations

from testinfra.host import Host

from mesosctl.inventory.model import Cluster, Role
from mesosctl.inventory.model import Host as Node
from mesosctl.verify.http import Ask, answering
from mesosctl.verify.promises import promise
from mesosctl.verify.services import environment, open_files, running, starts_again, starts_with_host

TITLE = "Mesos"

PREFIX = "MESOS_"


def configuration(cluster: Cluster) -> str:
    """Where the environment files are: below the prefix, but for OS packages in /usr."""
    return "/etc/mesos" if cluster.mesos.prefix == "/usr" else f"{cluster.mesos.prefix}/etc/mesos"


def servers(cluster: Cluster) -> list[str]:
    """The ensemble as zk:// URLs list it."""
    return sorted(
        f"{'[' + node.address + ']' if ':' in node.address else node.address}:{cluster.zookeeper.client_port}"
        for node in cluster.with_role(Role.ZOOKEEPER)
    )


def zookeeper(url: str) -> tuple[list[str], str]:
    """The servers and the path of a zk:// URL."""
    rest = url.removeprefix("zk://").rpartition("@")[2]
    names, _, path = rest.partition("/")
    return sorted(names.split(",")), f"/{path}"


def nodes(host: Host, cluster: Cluster, name: str) -> set[str]:
    text = host.check_output("cat %s", f"{configuration(cluster)}/{name}")
    return {line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")}


def has_zookeeper(cluster: Cluster) -> bool:
    return bool(cluster.with_role(Role.ZOOKEEPER))


@promise(Role.MASTER)
def test_master_environment(host: Host, cluster: Cluster) -> None:
    """mesos-master-env.sh has the declared directories and port"""
    found = environment(host, f"{configuration(cluster)}/mesos-master-env.sh", PREFIX)
    wanted = {
        "work_dir": cluster.mesos.master.work_dir,
        "log_dir": cluster.mesos.log_dir,
        "port": str(cluster.mesos.master.port),
        **cluster.mesos.master.flags,
    }
    wrong = {name: found.get(name, "") for name, value in wanted.items() if found.get(name, "") != value}
    assert not wrong, f"it has {wrong}"


@promise(Role.AGENT)
def test_agent_environment(host: Host, cluster: Cluster) -> None:
    """mesos-agent-env.sh has the declared directories, port and containerizers"""
    found = environment(host, f"{configuration(cluster)}/mesos-agent-env.sh", PREFIX)
    wanted = {
        "work_dir": cluster.mesos.agent.work_dir,
        "log_dir": cluster.mesos.log_dir,
        "port": str(cluster.mesos.agent.port),
        "containerizers": ",".join(cluster.mesos.agent.containerizers),
        **cluster.mesos.agent.flags,
    }
    wrong = {name: found.get(name, "") for name, value in wanted.items() if found.get(name, "") != value}
    assert not wrong, f"it has {wrong}"


@promise(Role.AGENT)
def test_slave_environment(host: Host, cluster: Cluster) -> None:
    """mesos-slave-env.sh, the guide's name of it, says the same"""
    first = environment(host, f"{configuration(cluster)}/mesos-agent-env.sh", PREFIX)
    second = environment(host, f"{configuration(cluster)}/mesos-slave-env.sh", PREFIX)
    assert first == second, "the two files differ"


@promise(Role.MASTER)
def test_lists_of_nodes(host: Host, cluster: Cluster) -> None:
    """masters, slaves and agents list the nodes for the start scripts"""
    masters = {node.address for node in cluster.with_role(Role.MASTER)}
    agents = {node.address for node in cluster.with_role(Role.AGENT)}
    for name, wanted in (("masters", masters), ("slaves", agents), ("agents", agents)):
        found = nodes(host, cluster, name)
        assert found == wanted, f"{name} lists {', '.join(sorted(found)) or 'nobody'}"


@promise(Role.MASTER)
def test_start_scripts(host: Host, cluster: Cluster) -> None:
    """The guide's start and stop scripts are there"""
    what = ("cluster", "masters", "agents", "slaves")
    names = [f"mesos-{verb}-{each}.sh" for verb in ("start", "stop") for each in what]
    missing = [name for name in names if host.run("test -x %s", f"{cluster.mesos.prefix}/sbin/{name}").rc]
    assert not missing, f"missing in {cluster.mesos.prefix}/sbin: {', '.join(missing)}"


@promise(Role.MASTER)
def test_master_program(host: Host, cluster: Cluster) -> None:
    """mesos-master is installed in the prefix and works"""
    told = host.run("%s --version", f"{cluster.mesos.prefix}/sbin/mesos-master")
    assert told.rc == 0, told.stderr.strip() or "it does not start"
    assert told.stdout.startswith("mesos "), f"it says {told.stdout.strip()!r}"


@promise(Role.AGENT)
def test_agent_program(host: Host, cluster: Cluster) -> None:
    """mesos-agent is installed in the prefix and works"""
    told = host.run("%s --version", f"{cluster.mesos.prefix}/sbin/mesos-agent")
    assert told.rc == 0, told.stderr.strip() or "it does not start"
    assert told.stdout.startswith("mesos "), f"it says {told.stdout.strip()!r}"


@promise(Role.MASTER)
def test_master_starts_with_the_host(host: Host) -> None:
    """The master starts with the host"""
    starts_with_host(host, "mesos-master")


@promise(Role.MASTER)
def test_master_starts_again(host: Host) -> None:
    """The master starts again when its program ends"""
    starts_again(host, "mesos-master")


@promise(Role.AGENT)
def test_agent_starts_with_the_host(host: Host) -> None:
    """The agent starts with the host"""
    starts_with_host(host, "mesos-agent")


@promise(Role.AGENT)
def test_agent_starts_again(host: Host) -> None:
    """The agent starts again when its program ends"""
    starts_again(host, "mesos-agent")


@promise(Role.MASTER)
def test_master_runs(host: Host, node: Node, cluster: Cluster, ask: Ask) -> None:
    """The master runs and is healthy"""
    running(host, "mesos-master")
    open_files(host, "mesos-master", cluster.limits.nofile)
    answer = ask(node, Role.MASTER, "/health")
    assert answer.status == 200, f"/health answers {answer.status}"


@promise(Role.AGENT)
def test_agent_runs(host: Host, node: Node, cluster: Cluster, ask: Ask) -> None:
    """The agent runs and is healthy"""
    running(host, "mesos-agent")
    open_files(host, "mesos-agent", cluster.limits.nofile)
    answer = ask(node, Role.AGENT, "/health")
    assert answer.status == 200, f"/health answers {answer.status}"


@promise(Role.AGENT)
def test_work_dir_survives_a_boot(host: Host, cluster: Cluster) -> None:
    """The agent's work directory survives a boot"""
    kind = host.check_output("stat -f -c %%T %s", cluster.mesos.agent.work_dir)
    assert kind != "tmpfs", f"{cluster.mesos.agent.work_dir} is in memory"


@promise(Role.AGENT)
def test_agent_master(host: Host, cluster: Cluster) -> None:
    """The agent looks for its master where the masters are"""
    found = environment(host, f"{configuration(cluster)}/mesos-agent-env.sh", PREFIX).get("master", "")
    if has_zookeeper(cluster):
        assert zookeeper(found) == (servers(cluster), cluster.mesos.zk_path), "it looks elsewhere"
    else:
        (master,) = cluster.with_role(Role.MASTER)
        assert found == f"{master.address}:{cluster.mesos.master.port}", f"it looks at {found}"


@promise(Role.AGENT)
def test_registered(node: Node, cluster: Cluster, ask: Ask) -> None:
    """The agent is registered and active with the leading master"""
    leading = [answer for answer in answering(ask, cluster, Role.MASTER, "/slaves").values() if answer.status == 200]
    assert leading, "no master leads"
    place = f"{node.address}:{cluster.mesos.agent.port}"
    active = [each["active"] for each in leading[0].json["slaves"] if each["pid"].rpartition("@")[2] == place]
    assert active, "the leading master does not know it"
    assert any(active), "the leading master has it as not active"
