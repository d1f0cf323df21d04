"""The guide's chapter "Marathon": started with the cluster, one leads, and the master knows it as a framework."""

from __future__ import annotations

from testinfra.host import Host

from mesosctl.inventory.model import Cluster, Role
from mesosctl.inventory.model import Host as Node
from mesosctl.verify.http import Ask, answering
from mesosctl.verify.promises import promise
from mesosctl.verify.services import open_files, running, starts_again, starts_with_host

TITLE = "Marathon"


@promise(Role.MARATHON)
def test_marathon_start_script(host: Host, cluster: Cluster) -> None:
    """Marathon's start script is there, with the cluster's settings"""
    script = host.file(f"{cluster.marathon.home}/bin/start-marathon")
    assert script.exists, f"{cluster.marathon.home}/bin/start-marathon is missing"
    assert script.mode & 0o111 == 0o111, f"it has the mode {script.mode:o}"
    assert f"--http_port {cluster.marathon.port}" in script.content_string, "it starts Marathon on another port"


@promise(Role.MARATHON)
def test_marathon_starts_with_the_host(host: Host) -> None:
    """Marathon starts with the host"""
    starts_with_host(host, "marathon")


@promise(Role.MARATHON)
def test_marathon_starts_again(host: Host) -> None:
    """Marathon starts again when its program ends"""
    starts_again(host, "marathon")


@promise(Role.MARATHON)
def test_marathon_answers(host: Host, node: Node, cluster: Cluster, ask: Ask) -> None:
    """Marathon runs and answers"""
    running(host, "marathon")
    open_files(host, "marathon", cluster.limits.nofile)
    answer = ask(node, Role.MARATHON, "/ping")
    assert answer.status == 200, f"/ping answers {answer.status}"


@promise(Role.MARATHON, once=True)
def test_one_marathon_leads(cluster: Cluster, ask: Ask) -> None:
    """One Marathon leads, and all name it"""
    answers = answering(ask, cluster, Role.MARATHON, "/v2/leader")
    named = {name: answer.json.get("leader") for name, answer in answers.items() if answer.status == 200}
    assert named, "none leads"
    assert len(set(named.values())) == 1, f"they name {named}"


@promise(Role.MARATHON, once=True)
def test_marathon_framework(cluster: Cluster, ask: Ask) -> None:
    """The leading master has Marathon as an active framework"""
    answers = answering(ask, cluster, Role.MASTER, "/frameworks").values()
    leading = [answer.json["frameworks"] for answer in answers if answer.status == 200]
    assert leading, "no master leads"
    active = [each["name"] for each in leading[0] if each["active"] and each["name"] == "marathon"]
    assert len(active) == 1, f"it has {len(active)} of them"
