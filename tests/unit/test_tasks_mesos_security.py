"""What hosts are given for authentication and TLS, read by the programs' own code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mesosctl.engine.facts import assumed
from mesosctl.engine.mask import Mask
from mesosctl.inventory.load import load_inventory
from mesosctl.inventory.model import Cluster
from mesosctl.resources.types import Command, File, Restored
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.flags.load import load
from mesosctl.runtime.flags.master import MasterFlags
from mesosctl.runtime.http.credentials import read_credential, read_credentials
from mesosctl.tasks import marathon, mesos, mesos_service

INVENTORY = """\
name: demo
hosts:
  m1: {address: 192.0.2.1, roles: [zookeeper, master, marathon], zookeeper_id: 1}
  a1: {address: 192.0.2.2, roles: [agent]}
mesos:
  authentication:
    credentials: {agent: env:AGENT, marathon: env:MARATHON, operator: env:OPERATOR}
    agents: agent
    marathon: marathon
    operators: all
    acls: acls.json
  tls: {certificate: "{host}.pem", key: "{host}.key", ca: ca.pem}
"""
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nof {}\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nthe private key of {}\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    for name in ("AGENT", "MARATHON", "OPERATOR"):
        monkeypatch.setenv(name, f"secret of {name.lower()}, é")
    for host in ("m1", "a1"):
        (tmp_path / f"{host}.pem").write_text(CERTIFICATE.format(host))
        (tmp_path / f"{host}.key").write_text(KEY.format(host))
        (tmp_path / f"{host}.key").chmod(0o600)
    (tmp_path / "ca.pem").write_text(CERTIFICATE.format("all"))
    (tmp_path / "acls.json").write_text('{"permissive": true}')
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    return load_inventory(tmp_path / "inventory.yaml")


def placed(cluster: Cluster, name: str, folder: Path) -> dict[str, str]:
    """The environment of a host's program, with its files placed below a folder in place of the host's root."""
    host = cluster.host(name)
    for item in mesos.resources(cluster, host, assumed("debian")):
        if isinstance(item, File):
            path = folder / item.path.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(item.content)
            secret = path.name in mesos.READ_BY and not path.name.endswith(".sh")
            assert item.mode == ("0600" if secret else "0644"), path
            assert ("secret of" in item.content or "PRIVATE" in item.content) <= secret
    flags = mesos.master_flags(cluster, host) if name == "m1" else mesos.agent_flags(cluster, host)
    return {
        (key if key.startswith("LIBPROCESS") else f"MESOS_{key}"): value.replace("file:///", f"file://{folder}/")
        for key, value in flags.items()
    }


def test_a_master_has_all_credentials(cluster: Cluster, tmp_path: Path) -> None:
    flags, _ = load(MasterFlags, [], placed(cluster, "m1", tmp_path))
    assert flags.credentials
    assert list(read_credentials(flags.credentials)) == ["operator", "agent", "marathon"], "the first is for questions"
    assert flags.authenticate_agents
    assert flags.authenticate_http_frameworks
    assert flags.authenticate_http_readonly
    assert flags.authenticate_http_readwrite
    assert flags.acls


def test_an_agent_has_its_own_and_those_of_operators(cluster: Cluster, tmp_path: Path) -> None:
    environment = placed(cluster, "a1", tmp_path)
    flags, _ = load(AgentFlags, [], environment)
    assert flags.credential
    assert read_credential(flags.credential).secret == "secret of agent, é"
    assert flags.http_credentials
    assert list(read_credentials(flags.http_credentials)) == ["operator"]
    assert environment["LIBPROCESS_SSL_KEY_FILE"] == "/usr/local/etc/mesos/key.pem"
    assert environment["LIBPROCESS_SSL_VERIFY_SERVER_CERT"] == "true"
    assert "of a1" in (tmp_path / "usr/local/etc/mesos/certificate.pem").read_text()


def test_marathon_registers_with_its_own(cluster: Cluster) -> None:
    found = marathon.resources(cluster, cluster.host("m1"), assumed("debian"))
    script, secrets = (item for item in found[:2] if isinstance(item, File))
    assert "--mesos_authentication_principal marathon" in script.content
    assert "--mesos_authentication" in script.content.replace('"$@"', "").split()
    assert "secret of" not in script.content
    assert (secrets.mode, "secret of marathon" in secrets.content) == ("0600", True)
    assert "LIBPROCESS_SSL_ENABLED=true" in secrets.content


def test_the_probes_use_both(cluster: Cluster) -> None:
    question = mesos_service.standing(cluster, cluster.host("m1"))
    assert "openssl s_client" in question
    assert "/usr/local/etc/mesos/credentials" in question


def test_nothing_of_it_is_shown(cluster: Cluster) -> None:
    mask = Mask(cluster)
    for text in ("secret of agent, é", json.dumps("secret of operator, é"), KEY.format("a1")):
        assert "of a" not in mask(text)
        assert "of operator" not in mask(text)


def test_switched_off_it_goes(cluster: Cluster) -> None:
    host = cluster.host("a1")
    on = [item.id for item in mesos.resources(cluster, host, assumed("debian")) if isinstance(item, Command)]
    assert on == ["key /usr/local/etc/mesos/executor_key"]
    plain = replace(cluster, mesos=replace(cluster.mesos, authentication=None, tls=None))
    plain = replace(plain, hosts=tuple(replace(each, certificate="", key=None) for each in plain.hosts))
    gone = {
        item.path for item in mesos.resources(plain, plain.host("a1"), assumed("debian")) if isinstance(item, Restored)
    }
    names = ("credential", "http_credentials", "acls.json", "certificate.pem", "key.pem", "ca.pem", "executor_key")
    assert {f"/usr/local/etc/mesos/{name}" for name in names} <= gone
