"""`mesosctl hosts` against real sshd processes, a bastion among them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mesosctl.cli.hosts import hosts
from mesosctl.errors import ExitCode, RefusedError, UsageError
from mesosctl.inventory.load import load_inventory
from mesosctl.transport.ssh import SshTransport
from tests.integration.sshd import SSHD, Sshd, make_key

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or SSHD is None, reason="needs root and openssh-server")

Call = Callable[..., Result]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make_key(tmp_path / "operator")


@pytest.fixture
def servers(tmp_path: Path, key: Path) -> Iterator[list[Sshd]]:
    """A bastion, a host behind it, a host that is reached directly."""
    made = [Sshd(tmp_path / name, key) for name in ("bastion", "behind", "direct")]
    yield made
    for server in made:
        server.stop()


@pytest.fixture
def inventory(tmp_path: Path, servers: list[Sshd], key: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home/.ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MESOSCTL_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    bastion, behind, direct = servers
    file = tmp_path / "inventory.yaml"
    file.write_text(
        f"name: demo\nssh: {{key: {key}, connect_timeout: 2}}\nhosts:\n"
        f"  behind: {{address: 127.0.0.1, roles: [agent], "
        f"ssh: {{port: {behind.port}, jump: '127.0.0.1:{bastion.port}'}}}}\n"
        f"  direct: {{address: 127.0.0.1, roles: [master, zookeeper], zookeeper_id: 1, ssh: {{port: {direct.port}}}}}\n"
    )
    return file


@pytest.fixture
def call(inventory: Path) -> Call:
    def run(*words: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(hosts, [*words, "-i", str(inventory)], input=answer, standalone_mode=False)

    return run


def states(result: Result) -> dict[str, str]:
    return {document["host"]: document["state"] for document in json.loads(result.stdout)}


def test_scan_agree_connect(call: Call, inventory: Path, servers: list[Sshd], tmp_path: Path) -> None:
    _bastion, behind, direct = servers
    result = call("trust", "--yes")
    assert result.exception is None
    assert result.return_value == ExitCode.OK
    for server in servers:
        assert fingerprint(server) in result.output
    assert "Accepted" not in behind.log + direct.log, "a scan logs in to bastions only"
    known = tmp_path / "state/demo/known_hosts"
    assert sorted(known.read_text().splitlines()) == sorted(
        f"[127.0.0.1]:{server.port} {server.public_key}" for server in servers
    )
    cluster = load_inventory(inventory)
    assert [host.host_keys for host in cluster.hosts] == [(behind.public_key,), (direct.public_key,)]
    transport = SshTransport(cluster)
    for host in cluster.hosts:
        assert transport.connect(host).run("true", print, timeout=30).exit_status == 0
    transport.close()
    before = known.read_bytes()
    again = call("trust", "--output", "json")
    assert set(states(again).values()) == {"known"}
    assert known.read_bytes() == before
    ours = ["ssh", "-F", "none", "-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes"]
    ours += ["-i", str(tmp_path / "operator"), "-p", str(direct.port), "127.0.0.1", "true"]
    assert subprocess.run(ours).returncode == 0, "OpenSSH reads the file too"


def test_answer_no(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesosctl.cli.hosts.terminal", lambda: True)
    assert isinstance(call("trust", answer="n\n").exception, RefusedError)
    assert not (tmp_path / "state/demo/known_hosts").exists()
    assert call("trust", answer="y\n").return_value == ExitCode.OK
    assert (tmp_path / "state/demo/known_hosts").exists()


def test_nobody_to_ask(call: Call, tmp_path: Path) -> None:
    assert isinstance(call("trust").exception, UsageError)
    assert not (tmp_path / "state/demo/known_hosts").exists()


def test_changed_key(call: Call, inventory: Path, servers: list[Sshd], tmp_path: Path) -> None:
    call("trust", "--yes")
    direct = servers[2]
    direct.stop()
    old = fingerprint(direct)
    make_key(direct.folder / "second")
    for suffix in ("", ".pub"):
        (direct.folder / f"second{suffix}").replace(direct.folder / f"host_key{suffix}")
    direct.start()
    result = call("trust", "--yes")
    assert result.return_value == ExitCode.FAILED
    assert "THE KEY OF direct HAS CHANGED" in result.output
    assert old in result.output
    assert fingerprint(direct) in result.output
    assert direct.public_key not in (tmp_path / "state/demo/known_hosts").read_text()
    assert isinstance(call("trust", "--replace", "nobody", "--yes").exception, UsageError)
    result = call("trust", "--yes", "--replace", "direct", "--limit", "direct")
    assert result.return_value == ExitCode.OK
    lines = (tmp_path / "state/demo/known_hosts").read_text().splitlines()
    assert len(lines) == 3
    assert f"[127.0.0.1]:{direct.port} {direct.public_key}" in lines


def test_expected_key(call: Call, servers: list[Sshd], tmp_path: Path) -> None:
    direct, other = servers[2], fingerprint(servers[1])
    assert isinstance(call("trust", "--expect", f"direct={other[7:]}").exception, UsageError)
    assert isinstance(call("trust", "--expect", f"nobody={other}").exception, UsageError)
    only = ("trust", "--limit", "direct")
    result = call(*only, "--yes", "--expect", f"direct={other}")
    assert result.return_value == ExitCode.FAILED
    assert "THE KEY OF direct IS NOT THE EXPECTED ONE" in result.output
    assert not (tmp_path / "state/demo/known_hosts").exists()
    result = call(*only, "--expect", f"direct={other}", "--expect", f"direct={fingerprint(direct)}")
    assert result.return_value == ExitCode.OK, "nobody is asked"
    assert set(states(call(*only, "--output", "json")).values()) == {"known"}
    assert call(*only, "--expect", f"direct={other}").return_value == ExitCode.FAILED
    assert isinstance(call("trust", "--expect", f"direct={fingerprint(direct)}").exception, UsageError), "of the others"


def test_expected_key_replaces_another(call: Call, servers: list[Sshd], tmp_path: Path) -> None:
    direct = servers[2]
    known = tmp_path / "state/demo/known_hosts"
    known.parent.mkdir(parents=True)
    known.write_text(f"[127.0.0.1]:{direct.port} {servers[1].public_key}\n")
    result = call("trust", "--limit", "direct", "--expect", f"direct={fingerprint(direct)}")
    assert result.return_value == ExitCode.OK
    assert known.read_text() == f"[127.0.0.1]:{direct.port} {direct.public_key}\n"


def test_unreachable(call: Call, servers: list[Sshd]) -> None:
    servers[2].stop()
    result = call("trust", "--yes", "--output", "json")
    assert result.return_value == ExitCode.FAILED
    assert states(result)["direct"] == "unreachable"
    problem = next(document["problem"] for document in json.loads(result.stdout) if document["host"] == "direct")
    assert problem["cause"] == "refused"


def test_changed_bastion_is_not_used(call: Call, servers: list[Sshd], tmp_path: Path) -> None:
    bastion, _behind, direct = servers
    (tmp_path / "state/demo").mkdir(parents=True)
    (tmp_path / "state/demo/known_hosts").write_text(f"[127.0.0.1]:{bastion.port} {direct.public_key}\n")
    result = call("trust", "--yes", "--output", "json")
    assert states(result) == {f"127.0.0.1:{bastion.port}": "changed", "behind": "unreachable", "direct": "unknown"}
    assert "Accepted" not in bastion.log


def test_list(call: Call, servers: list[Sshd]) -> None:
    assert set(states(call("list", "--output", "json")).values()) == {"unknown"}
    call("trust", "--yes", "--limit", "direct")
    result = call("list")
    assert fingerprint(servers[2]) in result.output
    assert "known_hosts line 1" in result.output


def fingerprint(server: Sshd) -> str:
    shown = subprocess.run(["ssh-keygen", "-l", "-f", server.key], check=True, capture_output=True, text=True)
    return shown.stdout.split()[1]
