"""Marathon's checks, kills, delays and placement with real tasks: one master, two agents in two zones."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.marathon import Marathon
from tests.integration.marathon_site import FIRST_PORT, PORTS_OF_AN_AGENT, Site

ANSWER = r"""read -r method path version
while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done
case $path in
    /file/*) status=$(cat "$(dirname "$0")${path#/file}" || echo 503) ;;
    *) status=${path#/} ;;
esac
printf 'HTTP/1.1 %s Status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$status"
"""
"""Answers a request for /STATUS with that status, and one for /file/NAME with the one that stands in the file."""
CHECKS = ("HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP")
OFTEN = {"delaySeconds": 0, "intervalSeconds": 1, "timeoutSeconds": 10}
ROLE = "web"


class World:
    def __init__(self, site: Site, marathon: Marathon) -> None:
        self.site = site
        self.marathon = marathon

    def server(self, id: str, tls: bool = False, **fields: Any) -> dict[str, Any]:
        """An app that answers on its last port."""
        ports = fields.pop("portDefinitions", [{"port": 0}])
        listen = f"OPENSSL-LISTEN:$PORT{len(ports) - 1},cert={self.site.folder}/pem,verify=0"
        listen = listen if tls else f"TCP-LISTEN:$PORT{len(ports) - 1}"
        command = f'exec socat {listen},fork,reuseaddr SYSTEM:"sh {self.site.folder}/answer"'
        return {"id": id, "cmd": command, "cpus": 0.01, "mem": 16, "portDefinitions": ports, **fields}

    def deploy(self, group: str, *apps: dict[str, Any]) -> None:
        self.marathon.change("PUT", "/v2/groups", {"id": f"/{group}", "apps": list(apps)})

    def app(self, id: str) -> Any:
        return self.marathon.get(f"/v2/apps{id}?embed=app.readiness").json["app"]

    def ids(self, id: str) -> set[str]:
        return {task["id"] for task in self.marathon.running(id)}

    def queued(self, id: str) -> Any:
        """What `/v2/queue` says of an app, None where it does not wait."""
        queue = self.marathon.get("/v2/queue").json["queue"]
        return next((item for item in queue if item["app"]["id"] == id), None)

    def until(self, condition: Any) -> Any:
        found: list[Any] = []
        self.site.wait(lambda: found.append(condition()) or found[-1], self._tell)
        return found[-1]

    def _tell(self) -> str:
        tasks = [(each["id"], each["host"], each["state"]) for each in self.marathon.get("/v2/tasks").json["tasks"]]
        return f"{tasks}\n{json.dumps(self.marathon.get('/v2/queue').json)[-10_000:]}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("health")
    site = Site(folder)
    (folder / "answer").write_text(ANSWER)
    _certificate(folder / "pem")
    try:
        site.start_master()
        for number, more in ((1, f";cpus({ROLE}):1;mem({ROLE}):512"), (2, "")):
            first = FIRST_PORT + PORTS_OF_AN_AGENT * number
            domain = {"fault_domain": {"region": {"name": "north"}, "zone": {"name": f"zone{number}"}}}
            site.start_agent(
                number,
                f"--resources=cpus:2;mem:4096;ports:[{first}-{first + PORTS_OF_AN_AGENT - 1}]{more}",
                f"--attributes=rack:r{number};level:{number}",
                f"--domain={json.dumps(domain)}",
            )
        marathon = Marathon(folder, site.master, f"file://{folder / 'state'}")
        marathon.start("--disable_ha", "--max_tasks_per_offer", "20", "--mesos_role", ROLE)
        try:
            marathon.until(lambda: marathon.get("/v2/info").json["frameworkId"])
            yield World(site, marathon)
            assert "Traceback" not in marathon.log.read_text()
        finally:
            marathon.kill()
    finally:
        site.stop()


def check(protocol: str, path: str, **fields: Any) -> dict[str, Any]:
    """`path` is /STATUS, for checks that ask for one."""
    made = {"protocol": protocol, **OFTEN, **fields}
    if protocol == "COMMAND":
        made["command"] = {"value": "true" if path == "/200" else "false"}
    elif "HTTP" in protocol:
        made["path"] = path
    return made


def test_checks_find_out_who_is_well_and_kill_who_is_not(world: World) -> None:
    well = [
        world.server(protocol.lower().replace("_", "-"), "HTTPS" in protocol, healthChecks=[check(protocol, "/200")])
        for protocol in CHECKS
    ]
    second = {"portDefinitions": [{"port": 0}, {"port": 0}], "healthChecks": [check("HTTP", "/302", portIndex=1)]}
    port = FIRST_PORT + PORTS_OF_AN_AGENT * 2 - 1
    fixed = {"portDefinitions": [{"port": port}], "requirePorts": True}
    world.deploy(
        "well",
        *well,
        world.server("second-port", **second),
        world.server("fixed-port", **fixed, healthChecks=[check("HTTP", "/200", port=port)]),
    )
    kills = {"gracePeriodSeconds": 1, "maxConsecutiveFailures": 2}
    ill = []
    for protocol in CHECKS:
        app = world.server(protocol.lower().replace("_", "-"), "HTTPS" in protocol)
        if protocol.endswith("TCP"):
            app["cmd"] = "sleep 1000"
        ill.append({**app, "healthChecks": [check(protocol, "/500", **kills)]})
    patient = world.server("patient", healthChecks=[check("HTTP", "/500", gracePeriodSeconds=600)])
    never = world.server("never", healthChecks=[check("HTTP", "/500", gracePeriodSeconds=0, maxConsecutiveFailures=0)])
    ignored = world.server("ignored", healthChecks=[check("HTTP", "/101", ignoreHttp1xx=True, **kills)])
    world.deploy("ill", *ill, patient, never, ignored)

    for app in (*well, {"id": "second-port"}, {"id": "fixed-port"}):
        world.until(lambda id=f"/well/{app['id']}": world.app(id)["tasksHealthy"] == 1)
    (task,) = world.app("/well/fixed-port")["tasks"]
    assert task["ports"] == [port]
    spared = {name: world.until(lambda id=f"/ill/{name}": world.ids(id)) for name in ("patient", "never", "ignored")}
    for app in ill:
        id = f"/ill/{app['id']}"
        first = world.until(lambda id=id: world.ids(id))
        world.until(lambda id=id, first=first: (ids := world.ids(id)) and not ids & first)
        assert world.app(id)["tasksHealthy"] == 0
    world.until(lambda: world.app("/ill/never")["tasksUnhealthy"] == 1)
    assert {name: world.ids(f"/ill/{name}") for name in spared} == spared
    assert "healthCheckResults" not in world.app("/ill/ignored")["tasks"][0]
    assert world.app("/ill/patient")["tasksHealthy"] == 0
    world.until(lambda: len(world.marathon.get("/v2/deployments").json) == 1)  # who is ill does not count
    world.marathon.change("DELETE", "/v2/groups/ill?force=true")
    world.marathon.change("DELETE", "/v2/groups/well?force=true")
    world.marathon.until_deployed()


def test_an_upgrade_waits_for_who_is_ready_and_never_counts_the_unhealthy(world: World) -> None:
    file = world.site.folder / "upgrade"
    file.write_text("200")
    kills = {"gracePeriodSeconds": 1, "maxConsecutiveFailures": 2}
    app = world.server("upgraded", instances=2, healthChecks=[check("HTTP", "/200", **kills)])
    ready = {"name": "r", "protocol": "HTTP", "path": "/file/ready", "portName": "main"}
    slow = world.server(
        "slow",
        portDefinitions=[{"port": 0, "name": "main"}],
        readinessChecks=[{**ready, "intervalSeconds": 3, "timeoutSeconds": 2}],
    )
    world.deploy("up", app, slow)
    world.until(lambda: world.app("/up/slow")["readinessCheckResults"])
    world.until(lambda: world.app("/up/upgraded")["tasksHealthy"] == 2)
    assert not world.app("/up/slow")["readinessCheckResults"][0]["ready"]
    assert world.marathon.get("/v2/deployments").json
    (world.site.folder / "ready").write_text("200")
    world.until(lambda: world.marathon.get("/v2/deployments").json == [])

    before = world.ids("/up/upgraded")
    changed = {"healthChecks": [check("HTTP", "/500", **kills)]}
    deployment = world.marathon.change("PUT", "/v2/apps/up/upgraded", changed)["deploymentId"]
    first = world.until(lambda: world.ids("/up/upgraded") - before)
    world.until(lambda: (new := world.ids("/up/upgraded") - before) and not new & first)
    assert before <= world.ids("/up/upgraded")
    world.marathon.change("DELETE", f"/v2/deployments/{deployment}")
    world.until(lambda: world.marathon.get("/v2/deployments").json == [])
    assert world.ids("/up/upgraded") == before
    world.marathon.change("DELETE", "/v2/groups/up?force=true")
    world.marathon.until_deployed()


def test_kills_leave_time_and_choose_and_failures_delay(world: World) -> None:
    told = world.site.folder / "told"
    told.mkdir(mode=0o777)
    told.chmod(0o777)
    slow = f"trap 'sleep 4; echo told > {told}/term; exit' TERM; touch {told}/ready; while :; do sleep 0.1; done"
    stubborn = {"cmd": slow, "taskKillGracePeriodSeconds": 60}  # by default 3 seconds
    small = {"cpus": 0.01, "mem": 16}
    fails = {"cmd": "exit 1", "backoffSeconds": 1, "backoffFactor": 3, "maxLaunchDelaySeconds": 3600}
    world.deploy(
        "kills",
        {"id": "stubborn", **small, **stubborn},
        {"id": "oldest", **small, "cmd": "sleep 1000", "killSelection": "OLDEST_FIRST"},
        {"id": "fails", **small, **fails},
    )
    first = world.until(lambda: world.ids("/kills/oldest"))
    world.until((told / "ready").exists)
    world.marathon.change("PUT", "/v2/apps/kills/oldest?force=true", {"instances": 2})
    both = world.until(lambda: len(ids := world.ids("/kills/oldest")) == 2 and ids)
    world.marathon.change("PUT", "/v2/apps/kills/oldest?force=true", {"instances": 1})
    world.until(lambda: world.ids("/kills/oldest") == both - first)

    world.marathon.change("PUT", "/v2/apps/kills/stubborn?force=true", {"instances": 0})
    world.until(lambda: not world.ids("/kills/stubborn"))
    assert (told / "term").read_text() == "told\n"

    world.until(lambda: _delay(world, "/kills/fails") > 4)
    assert world.app("/kills/fails")["lastTaskFailure"]["state"] == "TASK_FAILED"
    world.until(lambda: world.marathon.request("DELETE", "/v2/queue/kills/fails/delay").status == 204)
    world.marathon.change("DELETE", "/v2/groups/kills?force=true")
    world.marathon.until_deployed()


def test_ports_roles_and_constraints_choose_the_agent(world: World) -> None:
    hosts = [world.site.host(1), world.site.host(2)]
    port = FIRST_PORT + PORTS_OF_AN_AGENT * 2 + 5
    base = {"cmd": "sleep 1000", "cpus": 0.01, "mem": 16}
    only_first: dict[str, dict[str, Any]] = {
        "role": {"acceptedResourceRoles": [ROLE], "portDefinitions": []},
        "rack": {"constraints": [["rack", "LIKE", "r[13]"]]},
        "level": {"constraints": [["level", "IS", "1"]]},
        "zone": {"constraints": [["@zone", "CLUSTER", "zone1"]]},
        "named": {"constraints": [["hostname", "UNLIKE", hosts[1].replace(".", "[.]")]]},
    }
    only_second: dict[str, dict[str, Any]] = {
        "port": {"portDefinitions": [{"port": port}], "requirePorts": True},
        "not-zone": {"constraints": [["@zone", "UNLIKE", "zone1"], ["@region", "IS", "north"]]},
    }
    evenly = {"group-by": ["@zone", "GROUP_BY", "2"], "most": ["hostname", "MAX_PER", "2"]}
    world.deploy(
        "where",
        *({"id": f"first-{name}", **base, **fields, "instances": 2} for name, fields in only_first.items()),
        *({"id": f"second-{name}", **base, **fields} for name, fields in only_second.items()),
        *({"id": name, **base, "constraints": [row], "instances": 4} for name, row in evenly.items()),
        {"id": "unique", **base, "constraints": [["hostname", "UNIQUE", ""]], "instances": 3},
        {"id": "taken", **base, "portDefinitions": [{"port": port}], "requirePorts": True, "dependencies": []},
        {"id": "elsewhere", **base, "constraints": [["@region", "IS", "south"]]},
    )

    def where(name: str) -> Counter[str]:
        return Counter(task["host"] for task in world.marathon.running(f"/where/{name}"))

    for name in only_first:
        world.until(lambda name=name: where(f"first-{name}") == {hosts[0]: 2})
    world.until(lambda: where("second-not-zone") == {hosts[1]: 1})
    world.until(lambda: where("second-port") + where("taken") == {hosts[1]: 1})
    for name in evenly:
        world.until(lambda name=name: where(name) == dict.fromkeys(hosts, 2))
    world.until(lambda: where("unique") == dict.fromkeys(hosts, 1))
    waiting = "second-port" if where("taken") else "taken"
    for name, reason in (
        ("unique", "UnfulfilledConstraint"),
        ("elsewhere", "UnfulfilledConstraint"),
        (waiting, "InsufficientPorts"),
    ):
        world.until(lambda name=name, reason=reason: reason in _declined(world.queued(f"/where/{name}")))
    world.marathon.change("DELETE", "/v2/groups/where?force=true")
    world.marathon.until_deployed()


def test_who_cannot_be_reached_is_waited_for_or_replaced(world: World) -> None:
    """The agent stands still; its tasks run on, and so they do when it comes back."""
    site, two = world.site, world.site.host(2)
    strategies: dict[str, Any] = {
        "waits": "disabled",
        "inactive": {"inactiveAfterSeconds": 1, "expungeAfterSeconds": 3600},
        "expunged": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
    }
    spread = {"instances": 2, "constraints": [["hostname", "GROUP_BY", "2"]]}
    base = {"cmd": "sleep 1000", "cpus": 0.01, "mem": 16, **spread}
    world.deploy("away", *({"id": name, **base, "unreachableStrategy": how} for name, how in strategies.items()))
    world.until(lambda: world.marathon.get("/v2/deployments").json == [])
    before = {name: world.ids(f"/away/{name}") for name in strategies}
    lost = {
        name: {task["id"] for task in world.marathon.tasks(f"/away/{name}") if task["host"] == two}
        for name in strategies
    }
    assert {name: len(ids) for name, ids in lost.items()} == dict.fromkeys(strategies, 1)

    site.send("agent-2", signal.SIGSTOP)
    world.until(lambda: world.queued("/away/inactive") and world.queued("/away/expunged"))
    world.until(lambda: _unreachable(world.marathon) == lost["waits"] | lost["inactive"])
    assert world.queued("/away/waits") is None
    site.send("agent-2", signal.SIGCONT)
    for name in ("waits", "inactive"):
        world.until(lambda name=name: world.ids(f"/away/{name}") == before[name])
    world.until(lambda: len(world.ids("/away/expunged") - lost["expunged"]) == 2)
    known = {task["id"] for task in world.marathon.get("/v2/tasks").json["tasks"]}
    world.until(lambda: {id for id, state in site.tasks().items() if state == "TASK_RUNNING"} == known)
    world.until(lambda: world.marathon.get("/v2/queue").json["queue"] == [])
    world.marathon.change("DELETE", "/v2/groups/away?force=true")
    world.marathon.until_deployed()


def _unreachable(marathon: Marathon) -> set[str]:
    tasks = marathon.get("/v2/tasks").json["tasks"]
    return {task["id"] for task in tasks if task["state"] == "TASK_UNREACHABLE"}


def _delay(world: World, id: str) -> float:
    """Seconds until the next launch, as the queue has it."""
    item = world.queued(id)
    return float(item["delay"]["timeLeftSeconds"]) if item else 0.0


def _declined(item: Any) -> set[str]:
    summary = item["processedOffersSummary"]["rejectSummaryLaunchAttempt"] if item else ()
    return {each["reason"] for each in summary if each["declined"]}


def _certificate(path: Path) -> None:
    """Key and certificate, signed by itself."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=task"]
    subprocess.run([*command, "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    path.chmod(0o644)
