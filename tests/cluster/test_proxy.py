"""Real tools on a real host and a real proxy: what goes through it, with which password, and what goes directly."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mesosctl.lab import ImageKind
from tests.cluster import proxy_site
from tests.cluster.conftest import Cluster
from tests.cluster.labs import cluster_of
from tests.cluster.proxy_site import Site
from tests.conftest import LabFactory

NAME = "inside.corp.example"
"""A name below a domain of no_proxy; it stands for the address that is reached through the proxy otherwise."""
POM = (
    "<project><modelVersion>4.0.0</modelVersion><groupId>p</groupId><artifactId>p</artifactId><version>1</version>"
    "<packaging>pom</packaging></project>"
)
CHILD = (
    "<project><modelVersion>4.0.0</modelVersion><artifactId>a</artifactId>"
    "<parent><groupId>p</groupId><artifactId>p</artifactId><version>1</version><relativePath/></parent>"
    "<packaging>pom</packaging><repositories><repository><id>r</id><url>%s</url></repository></repositories></project>"
)
SETTINGS = """<settings>
  <!-- the operator's own -->
  <offline>false</offline>
</settings>
"""
LOOK = (
    "find /etc /root/.wgetrc /root/.m2 /root/.gitconfig /usr/bin -type f ! -path '*/repository/*' "
    "-printf '%p %m %u:%g ' -exec sha256sum {} ';' 2>/dev/null || :"
)


@pytest.fixture(scope="module")
def cluster(make_lab: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One host, a master and agent."""
    folder = tmp_path_factory.mktemp("proxy")
    with cluster_of(make_lab, "proxy", {"h1": "master agent"}, ImageKind.BAKED, folder) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def site(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with proxy_site.site(cluster.lab, tmp_path_factory.mktemp("site")) as site, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATE_PASSWORD", proxy_site.PASSWORD)
        make_files(site.folder)
        yield site


def make_files(folder: Path) -> None:
    """A git repository, an apt repository, a Maven repository."""
    work = folder / "work"
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "-q", str(work)], check=True)
    subprocess.run([*git, "-C", str(work), "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    subprocess.run([*git, "clone", "-q", "--bare", str(work), str(folder / "repo.git")], check=True)
    subprocess.run([*git, "-C", str(folder / "repo.git"), "update-server-info"], check=True)
    (folder / "apt").mkdir()
    (folder / "apt" / "Packages").write_text("")
    (folder / "maven" / "p" / "p" / "1").mkdir(parents=True)
    (folder / "maven" / "p" / "p" / "1" / "p-1.pom").write_text(POM)
    (folder / "file").write_text("content\n")


@pytest.fixture(scope="module")
def original(cluster: Cluster, site: Site) -> str:
    """What the host's files held before it was told of the proxy: an operator's own settings among them."""
    for line in (
        f"echo {site.outside} {NAME} >>/etc/hosts",
        "printf '# the last line, unended' >>/etc/wgetrc",
        "printf '[user]\\n\\tname = Anna\\n' >/etc/gitconfig",
        f"mkdir /root/.m2; printf %s {shlex.quote(SETTINGS)} >/root/.m2/settings.xml",
    ):
        cluster.sh("h1", line)

    def add_node(document: dict[str, Any]) -> None:
        document["hosts"]["peer"] = {"address": site.inside, "roles": ["agent"]}

    cluster.edit(add_node)
    cluster.mesosctl("bootstrap", "--yes", "--limit", "h1")
    return cluster.sh("h1", LOOK)


@pytest.fixture(scope="module")
def told(cluster: Cluster, site: Site, original: str) -> Cluster:
    """The host after `proxy set`."""
    address = f"http://{site.outside}:{site.gate_port}"

    def add_proxy(document: dict[str, Any]) -> None:
        document["proxy"] = {
            "http": address,
            "https": address,
            "username": proxy_site.USER,
            "password": "env:GATE_PASSWORD",
            "no_proxy": {"domains": ["corp.example"], "cidrs": [f"{site.network}/32"]},
        }

    cluster.edit(add_proxy)
    cluster.mesosctl("proxy", "set", "--yes", "--limit", "h1")
    assert cluster.sh("h1", LOOK) != original
    return cluster


@pytest.fixture(autouse=True)
def right_password(site: Site) -> Iterator[None]:
    """No tool ever says another password than the one that it was given."""
    yield
    assert set(site.refused) <= {""}


def targets(site: Site, *directly: str) -> dict[str, str]:
    """Addresses of the web servers, each with the way that a request to it must go."""
    addresses = {"node": "peer", "address": site.inside, "domain": NAME, "network": site.network}
    ways = {site.outside: "proxy", **{addresses[kind]: "direct" for kind in directly}}
    return {f"{host}:{site.web_port}": way for host, way in ways.items()}


def test_curl(told: Cluster, site: Site) -> None:
    for number, (target, way) in enumerate(targets(site, "node", "address", "domain", "network").items()):
        site.serve(f"curl-{number}", "file")
        assert told.sh("h1", f"bash -lc 'curl -fsS http://{target}/curl-{number}'") == "content\n"
        assert site.way(f"curl-{number}") == way, target


@pytest.mark.parametrize("user", ["root", "ops"])
def test_wget_without_a_login_shell(told: Cluster, site: Site, user: str) -> None:
    for number, (target, way) in enumerate(targets(site, "node", "address", "domain").items()):
        token = f"wget-{user}-{number}"
        site.serve(token, "file")
        assert told.sh("h1", f"runuser -u {user} -- wget -q -t 1 -O- http://{target}/{token}") == "content\n"
        assert site.way(token) == way, target


def test_git_over_http(told: Cluster, site: Site) -> None:
    for number, (target, way) in enumerate(targets(site, "node", "address", "domain").items()):
        token = f"git-{number}"
        site.serve(token, "repo.git")
        log = told.sh("h1", f"bash -lc 'git clone -q http://{target}/{token} /tmp/{token} && git -C /tmp/{token} log'")
        assert "first" in log
        assert site.way(token) == way, target


def test_git_protocol(told: Cluster, site: Site) -> None:
    for host, through in {site.outside: True, site.inside: False, "peer": False, NAME: False}.items():
        before = site.proxied()
        heads = told.sh("h1", f"git ls-remote git://{host}:{site.git_port}/repo.git")
        assert "refs/heads/main" in heads
        assert (f"CONNECT {host}:{site.git_port}" in site.proxied().removeprefix(before)) is through, host


def test_apt(told: Cluster, site: Site) -> None:
    for number, (target, way) in enumerate(targets(site, "node", "address").items()):
        token = f"apt-{number}"
        site.serve(token, "apt")
        told.sh(
            "h1",
            f"echo 'deb [trusted=yes] http://{target}/{token} ./' >/tmp/{token}.list && apt-get -q update "
            f"-o Dir::Etc::sourcelist=/tmp/{token}.list -o Dir::Etc::sourceparts=- -o APT::Update::Error-Mode=any",
        )
        assert site.way(f"{token}/./Packages") == way, target


def test_maven(told: Cluster, site: Site) -> None:
    for number, (target, way) in enumerate(targets(site, "node", "domain").items()):
        token = f"maven-{number}"
        site.serve(token, "maven")
        told.sh(
            "h1",
            # Debian's own settings block plain http by a mirror.
            f"mkdir /tmp/{token} && cd /tmp/{token} && echo '<settings/>' >none.xml && "
            f"echo '{CHILD % f'http://{target}/{token}'}' >pom.xml && "
            f"mvn -B -q -gs none.xml -Dmaven.repo.local=/tmp/{token}/repository validate",
        )
        assert site.way(f"{token}/p/p/1/p-1.pom") == way, target


def test_docker(told: Cluster, site: Site) -> None:
    def pull(registry: str) -> str:
        """What the daemon asks of the proxy when it looks for a registry; there is none."""
        before = site.proxied()
        assert told.lab.exec("h1", ["docker", "pull", f"{registry}/image:1"]).returncode != 0
        return site.proxied().removeprefix(before)

    assert "CONNECT registry.example.org:443" in pull("registry.example.org")
    assert f"CONNECT {site.outside}:{site.web_port}" in pull(f"{site.outside}:{site.web_port}")
    for host in (site.inside, site.network, NAME):
        came = len(site.requests)
        assert pull(f"{host}:{site.web_port}") == ""
        assert {client for client, _ in site.requests[came:]} == {site.host}, host


def test_bootstrap_agrees_and_unset_gives_back_what_was_there(told: Cluster, original: str) -> None:
    assert told.changed("bootstrap", "--yes", "--limit", "h1") == []
    told.mesosctl("proxy", "unset", "--yes", "--limit", "h1")
    assert told.sh("h1", LOOK) == original
    pid = told.sh("h1", "systemctl show -p MainPID --value docker").strip()
    assert "PROXY" not in told.sh("h1", f"cat /proc/{pid}/environ")
