"""What a lab works out before it makes anything: roles, inventory, package sources, refusals."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from mesosctl import cli, lab
from mesosctl.errors import ExitCode, UsageError
from mesosctl.inventory.load import load_inventory
from mesosctl.inventory.model import Role
from mesosctl.lab import debian, engine, image, machine
from mesosctl.lab.inventory import inventory_text, roles
from mesosctl.lab.state import State

SOURCES = """\
# The office's mirror
Types: deb deb-src
URIs: https://mirror.corp/debian/
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://mirror.corp/security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: https://old.corp/debian
Suites: bookworm-updates
Components: main
"""


def host_key() -> str:
    """An ed25519 public key in OpenSSH's form."""
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + os.urandom(32)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


@pytest.mark.parametrize(
    ("hosts", "servers", "agents"),
    [(1, [1], [1]), (2, [1], [2]), (3, [1, 2, 3], [1, 2, 3]), (4, [1, 2, 3], [4]), (5, [1, 2, 3], [4, 5])],
)
def test_roles_of_a_lab(hosts: int, servers: list[int], agents: list[int]) -> None:
    given = roles(hosts)
    assert len(given) == hosts
    for role in (Role.ZOOKEEPER, Role.MASTER, Role.MARATHON):
        assert [number for number, has in enumerate(given, 1) if role in has] == servers
    assert [number for number, has in enumerate(given, 1) if Role.AGENT in has] == agents


@pytest.mark.parametrize("count", range(1, 8))
def test_inventory_loads_and_says_what_was_meant(tmp_path: Path, count: int) -> None:
    addresses = {f"h{number}": f"172.30.0.{10 + number}" for number in range(1, count + 1)}
    keys = {name: [host_key(), host_key()] for name in addresses}
    private = tmp_path / "a folder: with #odd name" / "key"
    private.parent.mkdir()
    private.touch()
    path = tmp_path / "inventory.yaml"
    path.write_text(inventory_text("lab-1", addresses, keys, private))

    cluster = load_inventory(path)

    assert cluster.name == "lab-1"
    assert {host.name: host.address for host in cluster.hosts} == addresses
    assert {host.name: list(host.host_keys) for host in cluster.hosts} == keys
    assert {(host.ssh.user, host.ssh.key) for host in cluster.hosts} == {("root", private)}
    assert [host.roles for host in cluster.hosts] == [frozenset(each) for each in roles(count)]


def test_mirror_of_a_debian_machine_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "apt/sources.list.d").mkdir(parents=True)
    (tmp_path / "os-release").write_text('NAME="Debian"\nID=debian\n')
    (tmp_path / "apt/sources.list.d/foreign.list").write_text("deb https://apt.vendor.example bookworm main\n")
    (tmp_path / "apt/sources.list.d/debian.sources").write_text(SOURCES)

    source = debian.package_source(tmp_path)

    assert source.sources_list.splitlines() == [
        "deb https://mirror.corp/debian bookworm main",
        "deb https://mirror.corp/debian bookworm-updates main",
        "deb https://mirror.corp/security bookworm-security main",
    ]


def test_mirror_in_the_one_line_form(tmp_path: Path) -> None:
    (tmp_path / "apt").mkdir()
    (tmp_path / "os-release").write_text("ID=debian\n")
    (tmp_path / "apt/sources.list").write_text(
        "# deb http://off.corp/debian bookworm-updates main\n"
        "deb cdrom:[Debian]/ bookworm main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://m.corp/debian trixie main non-free-firmware\n"
        "deb [arch=amd64] http://m.corp/debian trixie-updates main\n"
        "deb http://m.corp/sec trixie-security main\n"
    )
    source = debian.package_source(tmp_path)
    assert (source.archive, source.security) == ("http://m.corp/debian", "http://m.corp/sec")


def test_another_system_uses_the_public_mirror(tmp_path: Path) -> None:
    (tmp_path / "apt").mkdir()
    (tmp_path / "os-release").write_text("ID=ubuntu\nID_LIKE=debian\n")
    (tmp_path / "apt/sources.list").write_text("deb http://archive.ubuntu.example/ubuntu noble-updates main\n")
    source = debian.package_source(tmp_path)
    assert (source.archive, source.security) == (debian.ARCHIVE, debian.SECURITY)


def test_proxy_of_apt_is_used_for_the_base_system() -> None:
    settings = 'Acquire::http::Proxy "http://proxy.corp:3128";\nAcquire::http::Proxy::m.corp "DIRECT";\n'
    assert debian.PackageSource("a", "s", settings).proxy == "http://proxy.corp:3128"
    assert debian.PackageSource("a", "s", 'Acquire::http::Proxy::m.corp "DIRECT";\n').proxy is None


def test_image_changes_with_its_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    source = debian.PackageSource("http://a", "http://s", "")
    first = image.tags(source)
    assert image.tags(source) == first
    assert image.tags(debian.PackageSource("http://b", "http://s", "")) != first

    monkeypatch.setattr(image, "BAKED_PACKAGES", [*image.BAKED_PACKAGES, "tinyproxy"])
    second = image.tags(source)
    assert second[lab.ImageKind.PLAIN] == first[lab.ImageKind.PLAIN]
    assert second[lab.ImageKind.BAKED] != first[lab.ImageKind.BAKED]

    monkeypatch.setattr(image, "SERVER_PACKAGES", [*image.SERVER_PACKAGES, "nano"])
    assert image.tags(source)[lab.ImageKind.BAKED] != second[lab.ImageKind.BAKED]


def test_name_servers_on_loopback_are_looked_behind(tmp_path: Path) -> None:
    stub, real = tmp_path / "stub", tmp_path / "real"
    stub.write_text("nameserver 127.0.0.53\noptions edns0\n")
    assert machine.resolv_conf([stub, real]) == ""
    real.write_text("nameserver 10.1.1.1\nsearch corp\n")
    assert machine.resolv_conf([stub, real]) == "nameserver 10.1.1.1\nsearch corp"


def test_kernel_limits_the_number_of_hosts(tmp_path: Path) -> None:
    (tmp_path / "limit").write_text("128\n")
    assert machine.host_limit(tmp_path / "limit") == 14


def test_key_is_private_and_stays(tmp_path: Path) -> None:
    state = State(tmp_path / "labs/x")
    public = state.public_key()
    assert public.startswith("ssh-ed25519 ")
    assert state.public_key() == public
    assert state.key.stat().st_mode & 0o777 == 0o600
    assert state.directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["", "Lab", "-x", "a/b", "x" * 21, "a b", "läb"])
def test_names_that_cannot_name_a_lab(name: str) -> None:
    with pytest.raises(UsageError):
        lab.up(name)


@pytest.mark.parametrize("hosts", [0, -1, 101])
def test_number_of_hosts_has_bounds(hosts: int) -> None:
    with pytest.raises(UsageError):
        lab.up("x", hosts)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command that refuses says, without the name of the program."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["lab", *arguments])
    assert ended.value.code == ExitCode.REFUSED
    seen = capsys.readouterr()
    assert seen.out == ""
    return seen.err


def test_without_root(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for command in (["up"], ["list"], ["down"], ["stop", "h1"]):
        assert "needs root" in refusal(capsys, *command)


def test_without_docker(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = refusal(capsys, "up")
    assert "docker is not installed" in said
    assert engine.INSTALL in said


def test_on_another_system(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert "needs Linux" in refusal(capsys, "up")


def test_list_without_labs_is_valid_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(lab, "labs", list)
    with pytest.raises(SystemExit):
        cli.main(["lab", "list", "--output", "json"])
    assert json.loads(capsys.readouterr().out) == []
