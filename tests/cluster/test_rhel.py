"""Red Hat's code paths on a Debian userland: dnf, rpm, Docker's own repository and key, behind a proxy (`rhel.py`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mesosctl.lab import ImageKind, Lab, load
from tests.cluster import proxy_site, zookeeper_release
from tests.cluster.conftest import Cluster, eventually
from tests.cluster.labs import cluster_of
from tests.cluster.proxy_site import Site
from tests.cluster.rhel import rhel_lab, serve
from tests.demo import APP, get

REPOSITORY = """\
[baseos]
name=Rocky Linux 9 - BaseOS
baseurl=http://{server}/rocky/
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9
"""
OURS = ["containerd.io", "docker-ce", "docker-ce-cli", "java-17-openjdk-headless", "python3.11", "socat"]
DNF, DOCKER, SELINUX = "/etc/dnf/dnf.conf", "/etc/yum.repos.d/docker-ce.repo", "/etc/selinux/config"
SYSCONFIG = "/etc/sysconfig/docker"
OWN_UNIT = "/etc/systemd/system/docker.service.d/own.conf"


@pytest.fixture(scope="module")
def made(state_home: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One host with all roles."""
    with ExitStack() as stack:

        def make_lab(name: str, hosts: int, kind: ImageKind) -> Lab:
            return stack.enter_context(rhel_lab(name, hosts))

        roles = {"h1": "zookeeper master marathon agent"}
        folder = tmp_path_factory.mktemp("rhel")
        yield stack.enter_context(cluster_of(make_lab, "rhel", roles, ImageKind.PLAIN, folder))


@pytest.fixture(scope="module")
def site(made: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with proxy_site.site(made.lab, folder) as site, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATE_PASSWORD", proxy_site.PASSWORD)
        serve(made.lab, site, "stranger")
        yield site
        assert set(site.refused) <= {""}, "no tool ever says another password than the one that it was given"


@pytest.fixture(scope="module")
def host(made: Cluster, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The host with the distribution's repository, held to a minor release as RHEL's subscriptions can; declared are a
    proxy, a mirror of Docker's repository, and a release of ZooKeeper."""
    server, proxy = f"{site.outside}:{site.web_port}", f"http://{site.outside}:{site.gate_port}"
    release = zookeeper_release.make(tmp_path_factory.mktemp("release"))
    digest = hashlib.sha256(release.read_bytes()).hexdigest()

    def declare(document: dict[str, Any]) -> None:
        document["proxy"] = {
            "http": proxy,
            "https": proxy,
            "username": proxy_site.USER,
            "password": "env:GATE_PASSWORD",
        }
        document["docker"] = {"repository": f"http://{server}/docker"}
        document["zookeeper"] = {"tarball": {"location": str(release), "sha256": digest}}
        document["selinux"] = "disabled"

    made.edit(declare)
    write(made, "/etc/yum.repos.d/rocky.repo", REPOSITORY.format(server=server))
    write(made, "/etc/dnf/vars/releasever", "9.4\n")
    return made


@pytest.fixture(scope="module")
def before(host: Cluster) -> str:
    return kept(host)


@pytest.fixture(scope="module")
def cluster(host: Cluster, site: Site, before: str) -> Cluster:
    """The same, bootstrapped and started."""
    serve(host.lab, site)
    host.mesosctl("bootstrap", "--yes")
    host.mesosctl("start-cluster")
    return host


def write(cluster: Cluster, path: str, content: str) -> None:
    done = cluster.lab.exec("h1", ["sh", "-c", f"cat >{path}"], stdin=content.encode())
    assert done.returncode == 0, done.stderr


def packages(cluster: Cluster) -> list[str]:
    """What rpm has installed, without keys and the release itself."""
    names = cluster.sh("h1", "rpm -qa --qf '%{NAME}\\n'").split()
    return sorted(set(names) - {"gpg-pubkey", "rocky-release"})


def kept(cluster: Cluster) -> str:
    """The files that others write too, and what is there only for a while."""
    paths = f"/etc/sudoers.d /etc/wgetrc /etc/profile.d /etc/yum.repos.d {DNF} {SELINUX} /etc/selinux /usr/bin/gitproxy"
    look = f"find {paths} -type f -printf '%p %m %u:%g ' -exec sha256sum {{}} ';' 2>/dev/null | sort"
    return cluster.sh("h1", look)


def test_the_host_is_fit_and_its_sources_are_reached(host: Cluster, site: Site) -> None:
    findings = {found["check"]: found for found in host.report("check")["findings"]}
    assert "rocky 9.4, dnf" in findings["os"]["message"]
    assert "there is no python3.11 yet" in findings["python"]["message"]
    assert findings["package-source"]["message"] == f"{site.outside}:{site.web_port} reached through the declared proxy"


def test_a_wrong_key_stops_the_run(host: Cluster, before: str) -> None:
    said = host.mesosctl("bootstrap", "--yes", "--limit", "prepare,packages", expect=1).stdout
    assert "cannot install docker-ce docker-ce-cli containerd.io" in said
    assert "GPG check FAILED" in said
    assert set(packages(host)) <= set(OURS[3:])


def test_bootstrap_takes_everything_from_dnf_through_the_proxy(cluster: Cluster, site: Site) -> None:
    assert packages(cluster) == OURS
    assert site.way("/rocky/") == "proxy"
    assert site.way("/docker/linux/centos/9/x86_64/stable/") == "proxy"
    assert site.way("/docker/linux/centos/gpg") == "proxy"
    assert cluster.changed("bootstrap", "--yes") == []
    assert cluster.sh("h1", "rpm -V docker-ce containerd.io socat") == ""


def test_what_a_package_provides_is_there(cluster: Cluster) -> None:
    cluster.edit(lambda document: document.update(java={"package": "java-headless"}))
    cluster.mesosctl("plan")
    cluster.edit(lambda document: document.pop("java"))


def test_an_app_runs(cluster: Cluster) -> None:
    load(cluster.lab, "nginx")
    cluster.mesosctl("app", "run", str(APP))
    address = cluster.lab.host("h1").address
    port = cluster.sh("h1", "docker ps --format '{{.Ports}}'").partition("->")[0].rpartition(":")[2]
    assert "nginx" in get(f"http://{address}:{port}")


def test_verify_finds_what_is_broken(cluster: Cluster) -> None:
    eventually(lambda: not cluster.broken(), 180)
    rounds = [
        {
            "test_package_manager_proxy": (DNF, "s/^proxy=.*/proxy=http:..192.0.2.9:1/"),
            "test_docker_repository": (DOCKER, "s/^gpgcheck=1/gpgcheck=0/"),
            "test_selinux_after_a_boot": (SELINUX, "s/^SELINUX=.*/SELINUX=enforcing/"),
        },
        {
            "test_package_manager_proxy": (DNF, "s/^proxy_password=.*/proxy_password=x/"),
            "test_docker_repository": (DOCKER, "s/^enabled=1/enabled=0/"),
        },
    ]
    for broken in rounds:
        for path, script in broken.values():
            cluster.sh("h1", f"cp -a {path} /root/{Path(path).name} && sed -i '{script}' {path}")
        found = cluster.broken()
        for path, _ in broken.values():
            cluster.sh("h1", f"cp -a /root/{Path(path).name} {path}")
        assert found == {("h1", test) for test in broken}


def test_variables_of_an_administrators_unit(cluster: Cluster) -> None:
    """Docker's own unit reads no /etc/sysconfig; where an administrator's does, what it says wins."""
    write(cluster, SYSCONFIG, 'HTTP_PROXY="http://old.example:1"\n')
    write(cluster, OWN_UNIT, f"[Service]\nEnvironmentFile=-{SYSCONFIG}\n")
    cluster.sh("h1", "systemctl daemon-reload; systemctl restart docker")
    asked = ("-k", "test_docker_proxy or test_password_is_kept")
    assert ("h1", "test_docker_proxy") in cluster.broken(*asked)
    changed = ["h1 block proxy in /etc/sysconfig/docker", "h1 service docker"]
    assert cluster.changed("bootstrap", "--yes") == changed
    assert cluster.sh("h1", f"stat -c %a {SYSCONFIG}") == "600\n", "it has the password now"
    assert cluster.broken(*asked) == set()


def test_proxy_of_every_tool_and_back(cluster: Cluster, site: Site) -> None:
    shown = cluster.report("proxy", "show")["hosts"]["h1"]
    assert {setting["tool"] for setting in shown} == {"profile", "wget", "dnf", "docker", "sudo"}
    ways = {
        (route["tool"], route["way"]) for route in cluster.report("proxy", "test", "http://example.com/")["hosts"]["h1"]
    }
    assert ways == {(tool, "proxy") for tool in ("curl", "wget", "dnf", "python", "docker")}

    cluster.mesosctl("proxy", "unset", "--yes")
    assert "proxy" not in cluster.sh("h1", f"cat {DNF} {DOCKER}")
    assert cluster.sh("h1", f"cat {SYSCONFIG}; stat -c %a {SYSCONFIG}") == 'HTTP_PROXY="http://old.example:1"\n644\n'
    site.serve("direct", "rpms/docker")
    cluster.sh("h1", f"dnf -q --repofrompath=d,http://{site.outside}:{site.web_port}/direct/ --repoid=d makecache")
    assert site.way("/direct/") == "direct"
    cluster.sh("h1", f"rm {SYSCONFIG} {OWN_UNIT}; systemctl daemon-reload")
    cluster.mesosctl("proxy", "set", "--yes")
    assert cluster.changed("bootstrap", "--yes") == []


def test_reset_leaves_nothing(cluster: Cluster, before: str) -> None:
    cluster.mesosctl("reset", "--yes-really", cluster.lab.name)
    assert packages(cluster) == []
    assert kept(cluster) == before
    assert (
        cluster.sh("h1", "ls -d /usr/bin/docker /usr/bin/java /opt/* /etc/systemd/system/*mesos* 2>/dev/null || :")
        == ""
    )
    assert cluster.sh("h1", "pgrep -f '[d]ockerd|[m]esosctl.runtime' || :") == ""
