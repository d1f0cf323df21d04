"""What the guide promises, asked of the hosts with testinfra: files, modes, units, ports. No code of the tasks."""

from __future__ import annotations

from typing import Any

import pytest
import testinfra

from tests.cluster.conftest import PASSWORD, Cluster

ALL = ["h1", "h2", "h3", "h4", "h5"]
MASTERS = ALL[:3]
AGENTS = ALL[3:]
ENCODED = "p%40ss%3A%20%2F%25%26%3C%27%22%24%20%C3%BC"
"""PASSWORD as RFC 3986 percent-encodes it."""


@pytest.fixture(scope="session")
def ssh_config(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ssh") / "config"
    path.write_text(
        "".join(f"Host {host.name}\n  HostName {host.address}\n" for host in cluster.lab.hosts)
        + f"Host *\n  User root\n  IdentityFile {cluster.lab.key}\n"
        + f"  UserKnownHostsFile {cluster.lab.state.known_hosts}\n  StrictHostKeyChecking yes\n"
    )
    return str(path)


@pytest.fixture
def host(request: pytest.FixtureRequest, ssh_config: str) -> Any:
    return testinfra.get_host(f"ssh://{request.param}", ssh_config=ssh_config)


def on(*hosts: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("host", hosts, indirect=True)


def listens(host: Any, port: int) -> bool:
    """Whether anything listens, on whichever address (testinfra does not know the dual-stack sockets of Java)."""
    return bool(host.check_output(f"ss -Hltn 'sport = :{port}'"))


@on(*ALL)
@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("/etc/profile.d/proxy.sh", 0o644),
        ("/etc/wgetrc", 0o644),
        ("/etc/gitconfig", 0o644),
        ("/etc/security/limits.d/mesosctl.conf", 0o644),
        ("/root/.m2/settings.xml", 0o600),
        ("/usr/bin/gitproxy", 0o755),
    ],
)
def test_files_of_every_host(host: Any, path: str, mode: int) -> None:
    file = host.file(path)
    assert file.exists
    assert (file.user, file.group, file.mode) == ("root", "root", mode)


@on(*ALL)
def test_a_login_shell_has_the_proxy_in_both_cases(host: Any) -> None:
    environment = host.check_output("bash -lc env")
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        assert f"{name}=http://anna:{ENCODED}@192.0.2.1:3128/" in environment.splitlines()


@on(*ALL)
def test_what_no_proxy_names_is_reached_directly(host: Any, cluster: Cluster) -> None:
    asked = "import sys, urllib.request as u; print([t for t in sys.argv[1:] if u.proxy_bypass(t)])"
    direct = ["h3", cluster.lab.host("h3").address, "localhost", "a.corp.example"]
    answer = host.check_output("bash -lc %s", f'python3 -c "{asked}" {" ".join(direct)} example.org')
    assert answer == str(direct)


@on(*ALL)
def test_names_of_all_hosts_resolve(host: Any, cluster: Cluster) -> None:
    for other in cluster.lab.hosts:
        assert host.check_output(f"getent ahostsv4 {other.name}").startswith(other.address)


@on(*ALL)
@pytest.mark.parametrize(
    "path", ["/root/.m2/settings.xml", "/root/.wgetrc", "/etc/apt/apt.conf.d/90mesosctl-proxy", "/etc/wgetrc"]
)
def test_the_password_is_in_the_file_and_only_root_reads_what_only_root_needs(host: Any, path: str) -> None:
    file = host.file(path)
    text = file.content_string
    assert ENCODED in text or "p@ss: /%&amp;&lt;" in text
    assert file.mode & 0o077 == (0 if path != "/etc/wgetrc" else 0o044)


@on(*ALL)
def test_git_is_told_of_both_kinds_of_proxy(host: Any) -> None:
    assert host.check_output("git config --system http.proxy") == f"http://anna:{ENCODED}@192.0.2.1:3128/"
    assert "gitproxy" in host.check_output("git config --system --get-all core.gitProxy")


@on(*ALL)
def test_apt_and_sudo_use_the_proxy(host: Any) -> None:
    assert ENCODED in host.check_output("apt-config dump Acquire::http::Proxy")
    assert "http_proxy" in host.check_output("cat /etc/sudoers.d/*")
    host.check_output("visudo -c")


@on(*AGENTS)
def test_docker_runs_with_the_proxy(host: Any) -> None:
    assert host.service("docker").is_running
    assert host.service("docker").is_enabled
    drop_in = host.file("/etc/systemd/system/docker.service.d/http-proxy.conf")
    assert drop_in.mode == 0o600
    pid = host.check_output("systemctl show -p MainPID --value docker")
    environment = host.check_output(f"tr '\\0' '\\n' </proc/{pid}/environ").splitlines()
    assert f"HTTP_PROXY=http://anna:{ENCODED}@192.0.2.1:3128/" in environment
    no_proxy = next(line for line in environment if line.startswith("NO_PROXY="))
    assert "172.30.0.0/16" in no_proxy


@on(*MASTERS)
def test_zookeeper_runs_and_listens(host: Any) -> None:
    service = host.service("zookeeper")
    assert service.is_running
    assert service.is_enabled
    process = host.process.get(user="zookeeper", comm="java")
    assert "-Xmx512m" in process.args
    assert listens(host, 2181)
    assert listens(host, 3888)
    assert "java" not in host.check_output("ss -Hltnp 'sport = :8080'"), "the admin server leaves Marathon's port alone"
    data = host.file("/var/lib/zookeeper")
    assert (data.user, data.mode) == ("zookeeper", 0o750)


@on(*MASTERS)
def test_zookeeper_is_configured_as_the_guide_says(host: Any, cluster: Cluster) -> None:
    settings = host.file("/etc/zookeeper/conf/zoo.cfg").content_string.splitlines()
    for number in (1, 2, 3):
        assert f"server.{number}={cluster.lab.host(f'h{number}').address}:2888:3888" in settings
    assert "autopurge.purgeInterval=24" in settings
    own = host.check_output("hostname").removeprefix("h")
    assert host.file("/var/lib/zookeeper/myid").content_string.strip() == own


@on(*AGENTS)
def test_agents_run_no_zookeeper(host: Any) -> None:
    assert not listens(host, 2181)
    assert not host.file("/etc/zookeeper/conf/zoo.cfg").exists or not host.service("zookeeper").is_running


@on(*MASTERS)
def test_masters_have_their_environment(host: Any, cluster: Cluster) -> None:
    script = ". /usr/local/etc/mesos/mesos-master-env.sh; echo $MESOS_zk $MESOS_quorum $MESOS_work_dir $MESOS_log_dir"
    servers = ",".join(f"{cluster.lab.host(name).address}:2181" for name in MASTERS)
    assert host.check_output(f"sh -c '{script}'") == f"zk://{servers}/mesos 2 /var/lib/mesos /var/log/mesos"
    for name, hosts in (("masters", MASTERS), ("slaves", AGENTS), ("agents", AGENTS)):
        lines = host.file(f"/usr/local/etc/mesos/{name}").content_string.splitlines()
        listed = [line for line in lines if not line.startswith("#")]
        addresses = [cluster.lab.host(other).address for other in hosts]
        assert listed in (hosts, addresses)


@on(*AGENTS)
def test_agents_have_their_environment_under_both_names(host: Any, cluster: Cluster) -> None:
    for name in ("agent", "slave"):
        script = f". /usr/local/etc/mesos/mesos-{name}-env.sh; echo $MESOS_master $MESOS_containerizers"
        servers = ",".join(f"{cluster.lab.host(other).address}:2181" for other in MASTERS)
        assert host.check_output(f"sh -c '{script}'") == f"zk://{servers}/mesos docker,mesos"


@on(*MASTERS)
def test_masters_reach_every_node_by_ssh_without_questions(host: Any) -> None:
    for other in ALL:
        assert host.check_output(f"ssh -o BatchMode=yes {other} hostname") == other


@on(*AGENTS)
def test_agents_hold_no_private_key(host: Any) -> None:
    assert host.check_output("ls /root/.ssh") == "authorized_keys"


@on(*ALL)
def test_the_lab_key_still_logs_in(host: Any) -> None:
    keys = host.file("/root/.ssh/authorized_keys").content_string
    assert "# BEGIN mesosctl" in keys
    assert host.check_output("id -un") == "root"


def test_the_secret_is_nowhere_in_the_controllers_state(cluster: Cluster) -> None:
    from mesosctl.inventory.state import state_home

    for path in state_home().rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            assert PASSWORD.encode() not in text, path
            assert ENCODED.encode() not in text, path
