"""The commands of every later day on real hosts: check, start and stop, status, exec, logs, proxy, selinux.

Each test leaves the hosts as it found them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mesosctl.lab import ImageKind, Lab
from tests.conftest import LabFactory

pytestmark = pytest.mark.lab

PASSWORD = "p@:/%&<'\"$ w"


class Mesosctl:
    """Calls of the program for one inventory."""

    def __init__(self, inventory: Path) -> None:
        self.inventory = inventory
        self.environment = {**os.environ, "MESOSCTL_INVENTORY": str(inventory), "PROXY_PASSWORD": PASSWORD}

    def __call__(self, *words: str, status: int = 0) -> str:
        """Standard output and standard error of a call that must end with this status."""
        done = subprocess.run(
            [sys.executable, "-m", "mesosctl", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def json(self, *words: str, status: int = 0) -> Any:
        command = 2 if words[0] in ("proxy", "selinux") else 1
        return json.loads(self(*words[:command], "--output", "json", *words[command:], status=status))

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "mesosctl", *words]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def hosts(make_lab: LabFactory) -> Lab:
    return make_lab("cli", 3, ImageKind.BAKED)


@pytest.fixture(scope="module")
def mesosctl(hosts: Lab, tmp_path_factory: pytest.TempPathFactory) -> Mesosctl:
    """The program, for a cluster that runs."""
    inventory = tmp_path_factory.mktemp("cli") / "inventory.yaml"
    inventory.write_text(hosts.inventory_text())
    program = Mesosctl(inventory)
    program("bootstrap", "--yes")
    program("start-cluster")
    return program


@pytest.fixture(scope="module")
def proxied(mesosctl: Mesosctl, tmp_path_factory: pytest.TempPathFactory) -> Mesosctl:
    """The program, for the same cluster behind a proxy that does not exist."""
    return behind(mesosctl, tmp_path_factory.mktemp("proxied"), "http://10.99.99.99:3128")


def behind(mesosctl: Mesosctl, folder: Path, url: str) -> Mesosctl:
    inventory = folder / "inventory.yaml"
    inventory.write_text(
        mesosctl.inventory.read_text() + f"proxy:\n  http: {url}\n  https: {url}\n  username: joe\n"
        "  password: env:PROXY_PASSWORD\n  no_proxy: {cidrs: [172.16.0.0/12], domains: [corp.example]}\n"
    )
    return Mesosctl(inventory)


class TestCheck:
    def findings(self, mesosctl: Mesosctl, status: int = 0) -> dict[tuple[str, str], list[tuple[str, str]]]:
        document = mesosctl.json("check", status=status)
        assert document["ok"] == (status == 0)
        found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for finding in document["findings"]:
            found.setdefault((finding["host"], finding["check"]), []).append((finding["severity"], finding["message"]))
        return found

    def test_a_running_cluster_is_fit(self, mesosctl: Mesosctl) -> None:
        found = self.findings(mesosctl)
        assert {severity for findings in found.values() for severity, _ in findings} == {"ok"}
        assert "2181, 3888" in found["h1", "ports"][0][1]
        assert "reached" in found["h1", "package-source"][0][1]
        assert found["h1", "names"] == [("ok", "all 3 names resolve")]

    def test_the_process_that_holds_a_port_is_named(self, mesosctl: Mesosctl) -> None:
        squat = "systemd-run --quiet --unit=squatter python3 -m http.server 8080"
        mesosctl("exec", "-l", "h1", f"systemctl stop marathon; {squat}; sleep 1")
        try:
            pid = mesosctl.json("exec", "-l", "h1", "systemctl show -p MainPID --value squatter")
            number = pid["hosts"]["h1"]["output"]
            found = self.findings(mesosctl, status=1)
            assert ("error", f"8080 (Marathon) is held by python3, process {number}") in found["h1", "ports"]
            assert [severity for severity, _ in found["h2", "ports"]] == ["ok"]
        finally:
            mesosctl("exec", "-l", "h1", "systemctl stop squatter; systemctl start marathon")
            wait_until_green(mesosctl)

    def test_a_firewall_between_nodes_is_seen_from_both(self, mesosctl: Mesosctl, hosts: Lab) -> None:
        hosts.partition(["h1"], ["h2"])
        try:
            found = self.findings(mesosctl, status=1)
        finally:
            hosts.heal()
        assert "no connection to h2:22, h2:2181" in found["h1", "node-ports"][0][1]
        assert "no connection to h1:22, h1:2181" in found["h2", "node-ports"][0][1]
        assert found["h3", "node-ports"][0][0] == "ok"

    def test_fix_puts_names_right(self, mesosctl: Mesosctl) -> None:
        mesosctl(
            "exec", "-l", "h2", "cp /etc/hosts /root/hosts; sed -i '/BEGIN mesosctl/,/END/d' /etc/hosts; "
            "echo 10.66.66.66 h1 >>/etc/hosts",
        )  # fmt: skip
        try:
            assert "h1 is 10.66.66.66 here" in self.findings(mesosctl)["h2", "names"][0][1]
            assert "changed block hosts in /etc/hosts" in mesosctl("check", "--fix", "--yes")
            mesosctl("exec", "-l", "h2", "sed -i /66.66/d /etc/hosts")
            assert self.findings(mesosctl)["h2", "names"] == [("ok", "all 3 names resolve")]
        finally:
            mesosctl("exec", "-l", "h2", "cat /root/hosts >/etc/hosts; rm /root/hosts")

    def test_a_host_that_is_down_is_named_with_the_cause(self, mesosctl: Mesosctl, hosts: Lab) -> None:
        hosts.stop("h3")
        try:
            found = self.findings(mesosctl, status=1)
        finally:
            hosts.start("h3")
        assert found["h3", "ssh"][0][0] == "error"
        assert {name for name, _ in found if found[name, "ssh"][0][0] == "ok"} == {"h1", "h2"}
        assert found["h1", "node-ports"][0][0] == "ok"
        wait_until_green(mesosctl)

    def test_packages_are_fetched_through_the_declared_proxy(
        self, mesosctl: Mesosctl, hosts: Lab, tmp_path: Path
    ) -> None:
        gateway = hosts.hosts[0].address.rpartition(".")[0] + ".1"
        with Proxy() as proxy:
            here = behind(mesosctl, tmp_path, f"http://{gateway}:{proxy.port}")
            assert "through the declared proxy" in self.findings(here)["h1", "package-source"][0][1]
            assert len(proxy.seen) >= 3
            assert all(target.startswith("http://") and login.startswith("Basic ") for target, login in proxy.seen)
        error = self.findings(here, status=1)["h1", "package-source"][0]
        assert error[0] == "error"
        assert str(proxy.port) in error[1]


class Proxy:
    """A proxy that knows every file, and remembers who asked for what with which credentials."""

    def __init__(self) -> None:
        seen: list[tuple[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                login = self.headers.get("Proxy-Authorization", "")
                if login:
                    seen.append((self.path, login))
                self.send_response(200 if login else 407)
                if not login:
                    self.send_header("Proxy-Authenticate", 'Basic realm="test"')
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *args: object) -> None: ...

        self.seen = seen
        self._server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self.port = self._server.server_address[1]

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def wait_until_green(mesosctl: Mesosctl) -> None:
    """A member that was away needs a moment to find its leader."""
    end = time.monotonic() + 120
    while not mesosctl_is_green(mesosctl):
        assert time.monotonic() < end, mesosctl("status", status=1)
        time.sleep(1)


def mesosctl_is_green(mesosctl: Mesosctl) -> bool:
    done = subprocess.run([sys.executable, "-m", "mesosctl", "status"], env=mesosctl.environment, capture_output=True)
    return done.returncode == 0


class TestServices:
    def test_stop_and_start(self, mesosctl: Mesosctl) -> None:
        assert "give --yes" in mesosctl("stop-cluster", status=64)
        mesosctl("stop-cluster", "--yes")
        down = mesosctl.json("status", status=1)
        assert down["ensemble"]["verdict"] == "no quorum"
        assert {host["services"][0]["state"] for host in down["hosts"]} == {"inactive"}
        assert all(host["services"][0]["enabled"] for host in down["hosts"])
        assert "nothing to change" in mesosctl("stop-cluster", "--yes")
        text = mesosctl("start-cluster")
        assert "ZooKeeper: healthy" in text
        up = mesosctl.json("status")
        assert (len(up["ensemble"]["leaders"]), len(up["ensemble"]["followers"])) == (1, 2)
        assert "nothing to change" in mesosctl("start-cluster")

    def test_a_member_that_fails(self, mesosctl: Mesosctl, hosts: Lab) -> None:
        leader = mesosctl.json("status")["ensemble"]["leaders"][0]
        hosts.stop(leader)
        try:
            text = mesosctl("status", status=1)
        finally:
            hosts.start(leader)
        assert f"{leader}: " in text
        assert "ZooKeeper: degraded" in text or "ZooKeeper: no quorum" in text
        wait_until_green(mesosctl)

    def test_a_limited_look_gives_no_verdict(self, mesosctl: Mesosctl) -> None:
        assert mesosctl.json("status", "-l", "h1")["ensemble"] is None


class TestRemote:
    def test_same_outputs_are_shown_once(self, mesosctl: Mesosctl) -> None:
        assert mesosctl("exec", "--", "echo", "it's $HOME").splitlines() == ["== h1-h3", "it's $HOME"]

    def test_statuses(self, mesosctl: Mesosctl) -> None:
        document = mesosctl.json("exec", "echo $(hostname); test $(hostname) != h2", status=1)
        hosts = {name: (host["status"], host["output"]) for name, host in document["hosts"].items()}
        assert hosts == {"h1": (0, "h1"), "h2": (1, "h2"), "h3": (0, "h3")}
        assert document["hosts"]["h2"]["failure"]["cause"] == "exit-status"

    def test_it_is_recorded_and_masked(self, proxied: Mesosctl) -> None:
        text = proxied(
            "exec", "-l", "h1", f"echo {PASSWORD.replace(chr(34), '').split()[-1]}; printenv SHLVL; echo joe:x"
        )
        assert "joe:********" in text
        assert "exec" in proxied("audit")

    def test_ctrl_c(self, mesosctl: Mesosctl) -> None:
        process = mesosctl.start("exec", "--stream", "echo begun; sleep 60")
        assert process.stdout is not None
        assert "begun" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130

    def test_logs_are_merged_in_order(self, mesosctl: Mesosctl) -> None:
        entries = mesosctl.json("logs", "zookeeper", "-n", "30")["entries"]
        assert {entry["host"] for entry in entries} == {"h1", "h2", "h3"}
        assert [entry["time"] for entry in entries] == sorted(entry["time"] for entry in entries)
        assert abs(entries[-1]["time"] - time.time()) < 3600
        assert any("Started zookeeper.service" in entry["text"] for entry in entries)
        assert mesosctl.json("logs", "zookeeper", "--since", "2100-01-01T00:00")["entries"] == []

    def test_follow_shows_what_comes_and_leaves_nothing_behind(self, mesosctl: Mesosctl) -> None:
        process = mesosctl.start("logs", "zookeeper", "--follow", "-n", "1", "--output", "json")
        assert process.stdout is not None
        process.stdout.readline()
        mesosctl("status")  # asks each member, which is logged
        for line in process.stdout:
            if "srvr" in json.loads(line)["text"]:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        end = time.monotonic() + 40
        left = "pgrep -f '[t]ail -n 0 -F|[j]ournalctl --quiet' || echo none"
        while {host["output"] for host in mesosctl.json("exec", left)["hosts"].values()} != {"none"}:
            assert time.monotonic() < end
            time.sleep(2)


FILES = (
    "cd /; for f in etc/profile.d/proxy.sh etc/wgetrc root/.wgetrc root/.m2/settings.xml etc/gitconfig "
    "usr/bin/gitproxy etc/apt/apt.conf.d/90mesosctl-proxy etc/sudoers.d/mesosctl-proxy "
    "etc/systemd/system/docker.service.d/http-proxy.conf; do sha256sum $f 2>/dev/null; done; true"
)


@pytest.fixture(scope="module")
def was_set(proxied: Mesosctl) -> Iterator[Mesosctl]:
    before = proxied("exec", FILES)
    assert "no proxy" not in proxied("proxy", "set", "--dry-run", status=2)
    assert proxied("exec", FILES) == before
    text = proxied("proxy", "set", "--yes")
    assert "changed service docker: restart" in text
    yield proxied
    proxied("proxy", "unset", "--dry-run", status=2)
    proxied("proxy", "unset", "--yes")
    assert proxied("exec", FILES) == before
    proxied("proxy", "unset", "--dry-run")


class TestProxy:
    def test_set_twice_changes_nothing(self, was_set: Mesosctl) -> None:
        assert "nothing to change" in was_set("proxy", "set", "--yes")

    def test_show(self, was_set: Mesosctl) -> None:
        document = was_set.json("proxy", "show")
        settings = {(one["tool"], one["key"]): one for one in document["hosts"]["h1"]}
        assert settings["profile", "http_proxy"]["value"] == "http://***@10.99.99.99:3128/"
        assert settings["docker", "HTTPProxy"]["value"] == "http://***@10.99.99.99:3128/"
        assert settings["git", "core.gitproxy"]["value"] == "/usr/bin/gitproxy"
        assert "not as declared" not in was_set("proxy", "show")

    def test_show_sees_what_was_changed_by_hand(self, was_set: Mesosctl) -> None:
        was_set("exec", "-l", "h2", "git config --system http.proxy http://other:1/")
        assert "http://other:1/  not as declared" in was_set("proxy", "show", status=1)
        was_set("proxy", "set", "--yes")
        was_set("proxy", "show")

    def test_the_tools_take_the_declared_ways(self, was_set: Mesosctl) -> None:
        document = was_set.json("proxy", "test")
        for host in ("h1", "h2", "h3"):
            routes = {(one["tool"], one["address"]): one for one in document["hosts"][host]}
            tools = {tool for tool, _ in routes}
            assert {"curl", "git", "git://", "apt", "python", "docker"} <= tools
            for tool in tools - {"git://"}:
                assert routes[tool, "http://example.com/"]["via"] == "10.99.99.99:3128", tool
                assert routes[tool, "https://example.com/"]["way"] == "proxy", tool
                assert routes[tool, "http://localhost/"]["way"] == "direct", tool
            assert routes["git://", "git://example.com/"]["via"] == "/usr/bin/gitproxy"
            assert routes["curl", "http://172.16.0.1/"]["way"] == "direct"
            assert routes["python", "http://172.16.0.1/"]["excuse"]

    def test_a_setting_that_sends_a_tool_the_wrong_way_is_found(self, was_set: Mesosctl) -> None:
        was_set("exec", "-l", "h3", "echo 'proxy = http://10.77.77.77:1/' >/root/.curlrc")
        try:
            text = was_set("proxy", "test", "-l", "h3", "http://localhost/", "http://h1/", status=0)
            assert "proxy!" not in text  # no_proxy still counts
            was_set("exec", "-l", "h3", "echo 'noproxy = nobody' >>/root/.curlrc")
            text = was_set("proxy", "test", "-l", "h3", "http://h1/", status=1)
            assert "proxy!" in text
            assert "10.77.77.77:1" in text
        finally:
            was_set("exec", "-l", "h3", "rm /root/.curlrc")

    def test_without_a_proxy_there_is_nothing_to_set(self, mesosctl: Mesosctl) -> None:
        assert "declares no proxy" in mesosctl("proxy", "set", "--yes", status=64)


def test_hosts_without_selinux_stay_as_they_are(mesosctl: Mesosctl) -> None:
    assert mesosctl.json("selinux", "show")["hosts"]["h1"] == {"now": "absent", "after_reboot": "absent"}
    assert "nothing to change" in mesosctl("selinux", "set", "--yes")
    assert "the inventory asks for permissive" in mesosctl("selinux", "set", "enforcing", "--yes")
