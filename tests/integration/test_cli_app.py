"""`mesosctl app` as a user types it, with a real Marathon, master and agent, and a real sshd for the way over SSH."""

from __future__ import annotations

import base64
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from mesosctl.errors import ExitCode
from tests.integration.marathon import WAIT_SECONDS, Marathon, site
from tests.integration.sshd import Sshd, make_key

PASSWORD = "p:ss wörd"
LOGIN = {"Authorization": "Basic " + base64.b64encode(f"ops:{PASSWORD}".encode()).decode()}
NOWHERE = [["hostname", "LIKE", "no-such-host"]]


class Cli:
    """`mesosctl app …` of the operator `ops`."""

    def __init__(self, marathon: Marathon, folder: Path) -> None:
        self.marathon = marathon
        self.folder = folder
        self.environment = {
            **os.environ,
            "MESOSCTL_MARATHON": f"http://{marathon.address}",
            "SECRET": PASSWORD,
            "http_proxy": "http://127.0.0.1:1",
        }

    def command(self, name: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "mesosctl", "app", name, *arguments, "--user", "ops:env:SECRET"]

    def __call__(
        self, name: str, *arguments: str, code: ExitCode | None = ExitCode.OK, given: object = None, **environment: str
    ) -> str:
        """What it prints, errors last. `code`: how it ends, None for anyhow; `given`: standard input."""
        done = subprocess.run(
            self.command(name, *arguments),
            input="" if given is None else json.dumps(given),
            capture_output=True,
            text=True,
            timeout=2 * WAIT_SECONDS,
            env={**self.environment, **environment},
            cwd=self.folder,
        )
        assert code in (None, done.returncode), (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def start(self, name: str, *arguments: str, **how: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(self.command(name, *arguments), text=True, env=self.environment, **how)

    def get(self, path: str) -> Any:
        return self.marathon.get(path, **LOGIN).json


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    folder = tmp_path_factory.mktemp("cluster")
    with site(folder) as programs:
        marathon = Marathon(folder, f"127.0.0.1:{programs.master_port}", f"file://{folder / 'state'}")
        marathon.start("--disable_ha", MARATHON_HTTP_CREDENTIALS=f"ops:{PASSWORD}")
        marathon.until(lambda: marathon.get("/v2/info", **LOGIN).json["frameworkId"])
        yield Cli(marathon, tmp_path_factory.mktemp("operator"))
        marathon.kill(signal.SIGTERM)


@pytest.fixture(autouse=True)
def _nothing_left(cli: Cli) -> Iterator[None]:
    yield
    cli.marathon.request("DELETE", "/v2/groups?force=true", **LOGIN)
    cli.marathon.until(lambda: cli.get("/v2/deployments") == [])


def sleeper(id: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "cmd": "sleep 1000", "cpus": 0.01, "mem": 16, **fields}


def test_the_life_of_an_app(cli: Cli) -> None:
    definition = sleeper("life", ports=[0], labels={"tier": "web"})
    (cli.folder / "life.yaml").write_text(yaml.safe_dump(definition))
    told = cli("run", "life.yaml", "--instances", "2")
    addresses = [f"{task['host']}:{task['ports'][0]}" for task in cli.get("/v2/apps/life/tasks")["tasks"]]
    assert "/life is deployed: 2 of 2 running" in told
    assert len(addresses) == 2
    assert all(f"  {address}\n" in told for address in addresses)

    assert "exists already, as the definition says" in cli("run", "life.yaml")
    told = cli("run", "life.yaml", "--instances", "3", code=ExitCode.REFUSED)
    assert "instances: is 2, wanted 3" in told
    assert "app update /life life.yaml" in told

    assert "/life is deployed: 3 of 3 running" in cli("scale", "life", "3")
    lines = cli("update", "life", "instances=2", "env.A.B=1", "labels.tier-", "-n", code=ExitCode.CHANGES_PENDING)
    assert {"-instances: 3", "+instances: 2", "-labels:", "+  A.B: '1'"} <= set(lines.splitlines())
    assert cli.get("/v2/apps/life")["app"]["instances"] == 3
    cli("update", "life", "instances=2", "env.A.B=1", "labels.tier-", "--quiet")
    now = cli.get("/v2/apps/life")["app"]
    assert (now["instances"], now["env"], now.get("labels") or {}) == (2, {"A.B": "1"}, {})
    cli("update", "life", "life.yaml", "--replace")
    now = cli.get("/v2/apps/life")["app"]
    assert (now["instances"], now.get("env") or {}, now["labels"]) == (1, {}, {"tier": "web"})

    before = {task["id"] for task in now["tasks"]}
    assert "/life is restarted" in cli("restart", "/life")
    assert before.isdisjoint(task["id"] for task in cli.get("/v2/apps/life")["app"]["tasks"])
    versions = cli("show", "life", "--version", "all").split()
    assert len(versions) == 5
    assert "instances: 2\n" in cli("show", "life", "--version", versions[-1])

    assert cli("list", "--label", "tier==web").splitlines()[1].split()[:3] == ["/life", "running", "1/1"]
    assert cli("list", "--label", "tier==db") == "no apps\n"
    assert [each["id"] for each in yaml.safe_load(cli("list", "-o", "yaml"))["apps"]] == ["/life"]
    shown = json.loads(cli("show", "life", "-o", "json"))
    assert (shown["app"]["id"], shown["queue"]) == ("/life", None)
    assert "/life is ready: 1 of 1 running" in cli("wait", "life")

    assert "--yes" in cli("destroy", "life", code=ExitCode.USAGE)
    assert "/life is destroyed" in cli("destroy", "life", "--yes")
    assert "App '/life' does not exist" in cli("show", "life", code=ExitCode.FAILED)
    assert "does not exist" in cli("scale", "life", "1", code=ExitCode.FAILED)


def test_several_apps_and_groups(cli: Cli) -> None:
    checked = {"protocol": "COMMAND", "command": {"value": "true"}, "delaySeconds": 0, "intervalSeconds": 1}
    shop = {
        "id": "shop",
        "apps": [sleeper("db")],
        "groups": [{"id": "front", "apps": [sleeper("web", dependencies=["/shop/db"], healthChecks=[checked])]}],
    }
    told = cli("run", "-", given=[shop, sleeper("one")])
    assert "/shop/front/web is deployed: 1 of 1 running, 1 healthy" in told
    assert "/one is deployed" in told
    assert "as the definition says" in cli("run", "-", given=shop)
    shop["apps"].append(sleeper("more"))
    assert "there is no app /shop/more" in cli("run", "-", given=shop, code=ExitCode.REFUSED)
    told = cli("destroy", "--group", "shop", "-y")
    assert "/shop/db is destroyed" in told
    assert "/shop/front/web is destroyed" in told


def test_what_holds_an_app_up_is_told(cli: Cli) -> None:
    told = cli("run", "-", "--timeout", "1", given=sleeper("stuck", constraints=NOWHERE), code=ExitCode.FAILED)
    (deployment,) = cli.get("/v2/deployments")
    assert "/stuck has 0 of 1 running" in told
    assert f"the deployment {deployment['id']} goes on" in told
    cli.marathon.until(lambda: "waiting: the constraints are not met" in cli("show", "stuck"))
    told = cli("wait", "stuck", "--timeout", "1", code=ExitCode.FAILED)
    assert "an instance waits: the constraints are not met (1 of 1 offers)" in told
    assert cli("list").splitlines()[1].split()[:2] == ["/stuck", "deploying"]

    told = cli("scale", "stuck", "2", code=ExitCode.REFUSED)
    assert deployment["id"] in told
    assert "--force" in told
    assert "deployment" in cli("scale", "stuck", "2", "--force", "--no-wait")
    (other,) = cli.get("/v2/deployments")
    assert other["id"] != deployment["id"]


def test_a_failing_app(cli: Cli) -> None:
    failing = sleeper("failing", cmd="echo so far; echo so bad >&2; exit 3")
    cli("run", "-", "--no-wait", given=failing)
    failure = "last failure: TASK_FAILED on localhost: Command exited with status 3"
    cli.marathon.until(lambda: failure in cli("show", "failing"))
    cli.marathon.until(lambda: "so far" in cli("logs", "failing", code=None))


def test_mistakes_are_told_with_their_fields(cli: Cli) -> None:
    told = cli("run", "-", given=sleeper("wrong", cpus=-1, instances=-1), code=ExitCode.FAILED)
    assert "  /cpus: " in told
    assert "  /instances: " in told
    assert "defines nothing" in cli("run", "-", code=ExitCode.USAGE)
    assert "wants a login" in cli("list", code=ExitCode.FAILED, SECRET="another")
    assert "env:SECRET is empty" in cli("list", code=ExitCode.USAGE, SECRET="")


def test_logs(cli: Cli) -> None:
    cmd = "echo first; echo wörse >&2; i=0; while i=$((i+1)); do echo line $i; sleep 0.5; done"
    cli("run", "-", "-q", given=sleeper("log", cmd=cmd))
    cli.marathon.until(lambda: "line 3" in cli("logs", "log"))
    assert cli("logs", "log", "-n", "100000").startswith("first\nline 1\n")
    assert len(cli("logs", "log", "-n", "2").splitlines()) == 2
    assert cli("logs", "log", "--stderr") == "wörse\n"
    assert "no such instance" in cli("logs", "log", "--instance", "other", code=ExitCode.FAILED)

    with cli.start("logs", "log", "--follow", "-n", "0", stdout=subprocess.PIPE) as following:
        assert following.stdout
        try:
            heard = following.stdout.readline()  # from now on what comes new is shown from its beginning
            assert "| line " in heard
            cli("scale", "log", "2", "--no-wait")
            while not heard.endswith("| first\n"):
                heard = following.stdout.readline()
                assert heard
            following.send_signal(signal.SIGINT)
            following.stdout.read()
            assert following.wait(WAIT_SECONDS) == ExitCode.OK
        finally:
            following.kill()


def test_ctrl_c_leaves_the_deployment_alone(cli: Cli) -> None:
    (cli.folder / "slow.json").write_text(json.dumps(sleeper("slow", constraints=NOWHERE)))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with cli.start("run", str(cli.folder / "slow.json"), **pipes) as running:
        assert running.stdout
        heard = " "
        while heard and "0 of 1 running" not in heard:
            heard = running.stdout.readline()
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=WAIT_SECONDS)
    assert running.returncode == ExitCode.INTERRUPTED
    (deployment,) = cli.get("/v2/deployments")
    assert f"the deployment {deployment['id']} goes on" in told


def test_a_terminal_sees_a_table_and_is_asked(cli: Cli) -> None:
    (cli.folder / "seen.json").write_text(json.dumps(sleeper("seen")))
    screen = on_terminal(cli, "run", str(cli.folder / "seen.json"))
    assert "run /seen, deployment" in screen
    assert "━" in screen
    assert "/seen is deployed" in screen
    assert "nothing was changed" in on_terminal(cli, "destroy", "seen", answer="n\n", code=ExitCode.REFUSED)
    assert "/seen is destroyed" in on_terminal(cli, "destroy", "seen", answer="y\n")


def on_terminal(cli: Cli, *arguments: str, answer: str = "", code: ExitCode = ExitCode.OK) -> str:
    """What a terminal shows of it."""
    ours, theirs = pty.openpty()
    environment = {**cli.environment, "TERM": "xterm-256color", "COLUMNS": "200", "LINES": "40"}
    for name in ("NO_COLOR", "CI"):
        environment.pop(name, None)
    process = subprocess.Popen(
        cli.command(*arguments), stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    os.write(ours, answer.encode())
    shown = b""
    with suppress(OSError):  # EIO: the last one closed the terminal
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    assert process.wait(WAIT_SECONDS) == code, shown
    return shown.decode(errors="replace")


def test_over_ssh_from_an_inventory(cli: Cli, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    server = Sshd(tmp_path / "sshd", key)
    inventory = tmp_path / "inventory.yaml"
    marathon = cli.marathon
    host = {
        "address": "127.0.0.1",
        "roles": ["zookeeper", "master", "marathon", "agent"],
        "zookeeper_id": 1,
        "ssh": {"port": server.port, "key": str(key)},
        "host_keys": [server.public_key],
    }
    flags = {"http_credentials": f"ops:{PASSWORD}"}
    inventory.write_text(
        yaml.safe_dump({"name": "t", "hosts": {"m1": host}, "marathon": {"port": marathon.port, "flags": flags}})
    )
    environment = {**cli.environment, "MESOSCTL_MARATHON": ""}

    def app(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mesosctl", "app", *arguments, "-i", str(inventory)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=2 * WAIT_SECONDS)

    (tmp_path / "far.json").write_text(json.dumps(sleeper("far", cmd="echo from afar; sleep 1000")))
    closed = Sshd(tmp_path / "closed", key, options="AllowTcpForwarding no")
    try:
        done = app("run", str(tmp_path / "far.json"), "--via-ssh")
        assert done.returncode == ExitCode.OK, done.stderr
        assert "/far is deployed" in done.stdout
        cli.marathon.until(lambda: "from afar\n" in app("logs", "far", "--via-ssh").stdout)
        assert app("destroy", "far", "-y").returncode == ExitCode.OK  # the direct way, with the inventory's login

        text = inventory.read_text()
        inventory.write_text(text.replace(f"port: {marathon.port}", "port: 1"))
        done = app("list", "--via-ssh")
        assert done.returncode == ExitCode.FAILED
        assert "m1: cannot connect to 127.0.0.1 port 1" in done.stderr
        text = text.replace(server.public_key, closed.public_key)
        inventory.write_text(text.replace(f"port: {server.port}", f"port: {closed.port}"))
        assert "allow forwarding (AllowTcpForwarding) on m1" in app("list", "--via-ssh").stderr
    finally:
        server.stop()
        closed.stop()
