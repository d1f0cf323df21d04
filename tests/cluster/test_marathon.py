"""Marathon on five hosts, from the bundled runtime, and the guide's last chapter on it: nginx in the browser."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mesosctl import lab
from mesosctl.lab.debian import package_source
from tests.cluster import conftest
from tests.cluster.conftest import Cluster, page

EXAMPLE = Path(__file__).parents[2] / "examples" / "nginx.json"
MARATHONS = ("h1", "h2", "h3")
AGENTS = ("h4", "h5")
PATIENCE = 240.0
"""Seconds, on a machine that has much else to do."""
REGISTRY = """\
version: 0.1
storage: {filesystem: {rootdirectory: /var/tmp/registry}}
http: {addr: ":5000"}
"""


class Api:
    """Marathon's API on a host."""

    def __init__(self, cluster: Cluster, host: str = "h1") -> None:
        self._cluster = cluster
        self._url = f"http://{cluster.lab.host(host).address}:8080"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def running(self, app: str) -> dict[str, str]:
        """Where the running tasks of an app listen, by their ids; none while Marathon cannot be asked."""
        try:
            tasks = self.ask("GET", f"/v2/apps/{app}/tasks")["tasks"]
        except (urllib.error.URLError, OSError):
            return {}
        return {
            task["id"]: f"http://{self._cluster.lab.host(task['host']).address}:{task['ports'][0]}"
            for task in tasks
            if task["state"] == "TASK_RUNNING"
        }


def eventually(holds: Callable[[], bool]) -> None:
    conftest.eventually(holds, PATIENCE)


def marathon(cluster: Cluster) -> dict[str, Any]:
    """What `status` says of Marathon."""
    found: dict[str, Any] = cluster.status()["marathon"]
    return found


def leads(cluster: Cluster) -> str:
    leaders: list[str] = marathon(cluster)["leaders"]
    return leaders[0] if len(leaders) == 1 else ""


@pytest.fixture(scope="module")
def nginx(cluster: Cluster) -> Iterator[Api]:
    """The guide's app, with an instance more than there are agents."""
    lab.load(cluster.lab, "nginx", AGENTS)
    api = Api(cluster)
    api.ask("POST", "/v2/apps", {**json.loads(EXAMPLE.read_text()), "instances": 3})
    eventually(lambda: len(api.running("nginx")) == 2)
    yield api
    api.ask("DELETE", "/v2/apps/nginx?force=true")
    eventually(lambda: not cluster.sh("h4", "docker ps -q") + cluster.sh("h5", "docker ps -q"))


def test_one_marathon_leads(cluster: Cluster) -> None:
    found = cluster.status()
    assert found["green"]
    assert len(found["marathon"]["leaders"]) == 1
    assert len(found["marathon"]["followers"]) == 2
    assert f"{leads(cluster)} leads at {found['marathon']['address']}, 2 of 2" in cluster.mesosctl("status").stdout
    assert Api(cluster, "h2").ask("GET", "/v2/leader") == {"leader": found["marathon"]["address"].partition("//")[2]}
    assert "This Marathon leads" in cluster.mesosctl("logs", "marathon", "-n", "500").stdout


def test_each_agent_runs_one_and_the_third_waits(cluster: Cluster, nginx: Api) -> None:
    tasks = nginx.running("nginx")
    assert {url.rpartition(":")[0] for url in tasks.values()} == {
        f"http://{cluster.lab.host(host).address}" for host in AGENTS
    }
    for url in tasks.values():
        eventually(lambda url=url: "<title>Welcome to nginx!</title>" in page(url))  # type: ignore[misc]

    def waits_for_another_host() -> bool:
        queue = nginx.ask("GET", "/v2/queue?embed=lastUnusedOffers")["queue"]
        reasons = {reason for item in queue for offer in item["lastUnusedOffers"] or () for reason in offer["reason"]}
        return [item["count"] for item in queue] == [1] and "UnfulfilledConstraint" in reasons

    eventually(waits_for_another_host)
    eventually(lambda: (marathon(cluster)["apps"], marathon(cluster)["tasks"]) == (1, 2))


def test_a_killed_leader_is_followed_by_another_and_the_app_stays(cluster: Cluster, nginx: Api) -> None:
    before, leader = nginx.running("nginx"), leads(cluster)
    containers = [cluster.sh(host, "docker ps -q") for host in AGENTS]
    pid = cluster.sh(leader, "systemctl show -p MainPID --value marathon").strip()
    cluster.sh(leader, f"kill -9 {pid}")
    eventually(lambda: leads(cluster) not in ("", leader))
    other = Api(cluster, leads(cluster))
    eventually(lambda: other.running("nginx") == before)
    assert [cluster.sh(host, "docker ps -q") for host in AGENTS] == containers
    eventually(lambda: bool(cluster.status()["green"]))


def test_a_changed_flag_restarts_one_after_the_other(cluster: Cluster, nginx: Api) -> None:
    before, leader = nginx.running("nginx"), leads(cluster)
    flags = {"task_launch_timeout": "200000", "http_credentials": "anna:pass word"}
    cluster.edit(lambda document: document.update(marathon={"flags": flags}))
    changed = cluster.changed("bootstrap", "--yes")
    assert {line for line in changed if "marathon" in line} == {
        f"{host} {resource}"
        for host in MARATHONS
        for resource in (
            "file /usr/local/marathon/bin/start-marathon",
            "file /usr/local/marathon/conf/credentials.env",
            "service marathon",
        )
    }
    show = "systemctl show -p ActiveEnterTimestampMonotonic --value marathon"
    since = {host: int(cluster.sh(host, show)) for host in MARATHONS}
    assert max(since, key=lambda host: since[host]) == leader, "the leader goes last"
    eventually(lambda: leads(cluster) != "")
    assert "pass word" not in cluster.sh("h1", "ps -eo args; cat /usr/local/marathon/bin/start-marathon")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        nginx.ask("GET", "/v2/apps")
    cluster.edit(lambda document: document.pop("marathon"))
    cluster.mesosctl("bootstrap", "--yes")
    eventually(lambda: nginx.running("nginx") == before)


def test_by_hand_as_in_the_guide(cluster: Cluster, nginx: Api) -> None:
    before = nginx.running("nginx")
    cluster.sh("h1", "systemctl stop marathon")
    hand = f"./bin/start --master zk://{cluster.servers()}/mesos --zk zk://{cluster.servers()}/marathon"
    cluster.sh("h1", f"systemd-run --quiet --unit=hand --working-directory=/usr/local/marathon sh -c 'exec {hand}'")
    try:
        eventually(lambda: nginx.running("nginx") == before)
    finally:
        cluster.sh("h1", "systemctl stop hand; systemctl start marathon")
    eventually(lambda: bool(cluster.status()["green"]))


def test_an_image_from_a_registry_of_our_own(cluster: Cluster, nginx: Api) -> None:
    proxy = package_source().proxy or "DIRECT"
    apt = f"apt-get -q -o Acquire::http::Proxy={proxy} -o Acquire::https::Proxy={proxy}"
    cluster.sh("h1", f"({apt} update && {apt} install --yes --no-install-recommends docker-registry) 2>&1")
    cluster.sh("h1", f"systemctl disable --now docker-registry 2>&1; cat >/root/registry.yml <<'E'\n{REGISTRY}E")
    cluster.sh("h1", "systemd-run --quiet --unit=registry docker-registry serve /root/registry.yml")
    registry = f"{cluster.lab.host('h1').address}:5000"
    trust = json.dumps({"insecure-registries": [registry]})
    try:
        for host in AGENTS:
            cluster.sh(host, f"echo '{trust}' >/etc/docker/daemon.json && systemctl reload docker")
        eventually(lambda: page(f"http://{registry}/v2/") == "{}")
        push = f"docker tag nginx {registry}/web && docker push -q {registry}/web && docker rmi {registry}/web"
        eventually(lambda: cluster.lab.exec("h4", ["sh", "-c", push]).returncode == 0)
        docker = {"image": f"{registry}/web", "network": "BRIDGE", "portMappings": [{"containerPort": 80}]}
        container = {"type": "DOCKER", "docker": docker}
        nginx.ask("POST", "/v2/apps", {"id": "pulled", "cpus": 0.1, "mem": 32, "container": container})
        eventually(lambda: "nginx" in page(next(iter(nginx.running("pulled").values()), "http://127.0.0.1:9")))
    finally:
        nginx.ask("DELETE", "/v2/apps/pulled?force=true")
        cluster.sh("h1", "systemctl stop registry; apt-get -q remove --yes docker-registry 2>&1")
        for host in AGENTS:
            cluster.sh(host, "rm /etc/docker/daemon.json && systemctl reload docker")
