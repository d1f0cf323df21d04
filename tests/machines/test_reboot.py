"""A bootstrapped cluster on hosts that have cgroup v2 alone, enforce SELinux, and are rebooted with tasks on them.

The tests build on each other: the tasks of the first are there when the hosts boot.
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from mesosctl.errors import ExitCode
from mesosctl.lab.engine import engine
from mesosctl.lab.image import ensure_nginx
from mesosctl.lab.state import locked
from tests.cluster.conftest import eventually
from tests.machines.conftest import Site, SiteFactory

pytestmark = pytest.mark.timeout(3600)
SERVER, AGENT = "h1", "h2"
EXAMPLE = Path(__file__).parents[2] / "examples" / "nginx.json"
PATIENCE = 300.0
"""Seconds: a machine of this kind needs one to do what others do in a tenth."""
GROUPS = "/sys/fs/cgroup/mesos/*"
LIMITS = {"cpu.max": "60000 100000", "cpu.weight": "60", "memory.max": str(96 << 20), "memory.low": str(96 << 20)}
"""Of a task with half a processor and 64 MB: an executor has a tenth and 32 MB more."""
GREEDY = "python3 -c 'x = bytearray(300 << 20); print(\"survived\")'; sleep 1000"


@pytest.fixture(scope="module")
def site(make_site: SiteFactory) -> Site:
    """One host with ZooKeeper, master and Marathon, and one agent, bootstrapped and started."""
    agent = {
        "flags": {"isolation": "cgroups/cpu,cgroups/mem,cgroups/pids", "cgroups_enable_cfs": True},
        # What the agent finds by itself differs between two boots of such a kernel, and would make it another agent.
        "resources": {"cpus": 1, "mem": 512, "disk": 1024},
    }
    roles = {SERVER: ["zookeeper", "master", "marathon"], AGENT: ["agent"]}
    site = make_site(roles, selinux="enforcing", mesos={"agent": agent})
    site.mesosctl("bootstrap", "--yes")
    site.mesosctl("start-cluster")
    return site


def get(site: Site, host: str, port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://{site.lab.host(host).address}:{port}{path}", timeout=60) as answer:
        return json.load(answer)


def run(site: Site, folder: Path, **definition: Any) -> None:
    file = folder / "app.json"
    file.write_text(json.dumps(definition))
    site.mesosctl("app", "run", str(file), "--no-wait")


def running(site: Site, app: str) -> list[dict[str, Any]]:
    """The instances of an app that run, as Marathon says."""
    tasks = get(site, SERVER, 8080, f"/v2/apps/{app}/tasks")["tasks"]
    return [task for task in tasks if task["state"] == "TASK_RUNNING"]


def groups(site: Site) -> set[str]:
    """The control groups of containers, by the ids of the containers."""
    return set(site.sh(AGENT, f"ls -d {GROUPS}/*/ 2>/dev/null | xargs -r -n 1 basename").split())


def containers(site: Site) -> dict[str, dict[str, Any]]:
    """What the agent says of its containers, by the names of the tasks up to the first dot."""
    found = get(site, AGENT, 5051, "/containers")
    return {container["executor_id"].partition(".")[0]: container for container in found}


def agent_id(site: Site) -> str:
    (agent,) = (each for each in get(site, SERVER, 5050, "/slaves")["slaves"] if each["active"])
    return str(agent["id"])


def whole(site: Site) -> bool:
    """Whether all services are back, by `mesosctl status`."""
    return bool(site.status()["green"])


def answers(site: Site) -> bool:
    """Whether the guide's app serves its page."""
    for task in running(site, "nginx"):
        try:
            url = f"http://{site.lab.host(AGENT).address}:{task['ports'][0]}"
            return b"nginx" in urllib.request.urlopen(url, timeout=30).read()
        except OSError:
            return False
    return False


def test_everything_holds_under_enforcement(site: Site) -> None:
    for host in (SERVER, AGENT):
        assert site.sh(host, "getenforce").strip() == "Enforcing"
        assert site.sh(host, "stat -f -c %T /sys/fs/cgroup").strip() == "cgroup2fs"
        assert site.sh(host, "restorecon -Rnv -e /etc/docker /etc /opt /root /usr/local /var/lib/mesosctl") == ""
    site.mesosctl("plan", expect=ExitCode.OK)
    site.mesosctl("verify")


def test_limits_of_control_groups(site: Site, tmp_path: Path) -> None:
    run(site, tmp_path, id="sleeper", cmd="exec sleep 100000", cpus=0.5, mem=64, instances=1)
    eventually(lambda: len(running(site, "sleeper")) == 1, PATIENCE)
    container = containers(site)["sleeper"]
    assert groups(site) == {container["container_id"]}
    # systemd arranges the groups anew, and must leave these alone
    site.sh(AGENT, "systemctl daemon-reload")
    for name, value in LIMITS.items():
        assert site.sh(AGENT, f"cat {GROUPS}/{container['container_id']}/{name}").strip() == value
    (statistics,) = (
        entry["statistics"]
        for entry in get(site, AGENT, 5051, "/monitor/statistics")
        if entry["executor_id"].startswith("sleeper.")
    )
    assert statistics["mem_limit_bytes"] == 96 << 20
    assert 0 < statistics["mem_total_bytes"] < 96 << 20
    assert statistics["processes"] >= 2
    assert statistics["cpus_user_time_secs"] + statistics["cpus_system_time_secs"] > 0


def test_a_task_that_takes_too_much_memory(site: Site, tmp_path: Path) -> None:
    run(site, tmp_path, id="greedy", cmd=GREEDY, cpus=0.1, mem=64, instances=1, backoffSeconds=3600)

    def failure() -> dict[str, Any]:
        return get(site, SERVER, 8080, "/v2/apps/greedy")["app"].get("lastTaskFailure") or {}

    eventually(lambda: bool(failure()), PATIENCE)
    assert failure()["state"] == "TASK_FAILED"
    assert failure()["message"].startswith("Memory limit exceeded: Requested: 96MB")
    site.mesosctl("app", "destroy", "greedy", "--yes")
    eventually(lambda: groups(site) == {containers(site)["sleeper"]["container_id"]}, PATIENCE)


def test_a_container_of_docker(site: Site) -> None:
    with locked("labs", lambda: None):
        docker = engine(lambda text: None)
        image = ensure_nginx(docker, lambda text: None)
    load = [*site.lab.host(AGENT).ssh_command(), f"docker load --quiet && docker tag {image} nginx"]
    with subprocess.Popen(docker.command("save", image), stdout=subprocess.PIPE) as save:
        subprocess.run(load, stdin=save.stdout, check=True)
    site.mesosctl("app", "run", str(EXAMPLE), "--no-wait")
    eventually(lambda: answers(site), PATIENCE)
    limits = site.sh(AGENT, "cd /sys/fs/cgroup/system.slice/docker-*.scope && cat memory.max cpu.max")
    assert limits.split("\n")[:2] == [str(32 << 20), "10000 100000"]


def test_a_reboot_of_the_servers(site: Site) -> None:
    """ZooKeeper, master and Marathon come back; the agent stays who it is, and its tasks stay."""
    agent, tasks = agent_id(site), {task["id"] for app in ("sleeper", "nginx") for task in running(site, app)}
    site.lab.host(SERVER).reboot()
    eventually(lambda: whole(site), PATIENCE)
    eventually(lambda: {task["id"] for app in ("sleeper", "nginx") for task in running(site, app)} == tasks, PATIENCE)
    assert agent_id(site) == agent
    site.mesosctl("plan", expect=ExitCode.OK)
    site.mesosctl("verify")


def test_a_reboot_of_the_agent(site: Site) -> None:
    """It is the same agent; what ran on it is over, and Marathon starts it again."""
    agent, gone = agent_id(site), {task["id"] for app in ("sleeper", "nginx") for task in running(site, app)}
    site.lab.host(AGENT).reboot()
    eventually(lambda: whole(site), PATIENCE)
    eventually(lambda: len(running(site, "sleeper")) == 1 and answers(site), PATIENCE)
    assert not gone & {task["id"] for app in ("sleeper", "nginx") for task in running(site, app)}
    assert agent_id(site) == agent
    assert "This host was rebooted" in site.sh(AGENT, "cat /var/log/mesos/mesos-agent.INFO")
    assert groups(site) == {containers(site)["sleeper"]["container_id"]}
    limits = site.sh(AGENT, f"cat {GROUPS}/{containers(site)['sleeper']['container_id']}/memory.max")
    assert limits.strip() == LIMITS["memory.max"]
    site.mesosctl("plan", expect=ExitCode.OK)
    site.mesosctl("verify")


def test_a_reboot_as_another_agent(site: Site) -> None:
    """With other attributes than before, a rebooted host is a new agent; without a reboot it would refuse to start."""
    agent = agent_id(site)
    site.sh(AGENT, "systemctl stop mesos-agent")
    site.sh(AGENT, "echo 'export MESOS_attributes=rack:1' >>/usr/local/etc/mesos/mesos-agent-env.sh")
    site.lab.host(AGENT).reboot()
    eventually(lambda: whole(site), PATIENCE)
    assert agent_id(site) != agent
    eventually(lambda: len(running(site, "sleeper")) == 1, PATIENCE)
