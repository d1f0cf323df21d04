"""inventory.vagrant.yaml is an inventory like any other, and the only place that says which machines there are."""

from __future__ import annotations

import re
from pathlib import Path

from mesosctl.inventory.load import load_inventory
from mesosctl.inventory.model import Role

ROOT = Path(__file__).parents[2]
SERVER = {Role.ZOOKEEPER, Role.MASTER, Role.MARATHON}


def test_the_inventory() -> None:
    cluster = load_inventory(ROOT / "inventory.vagrant.yaml")
    assert {host.name: set(host.roles) for host in cluster.hosts} == {
        **dict.fromkeys(("m1", "m2", "m3"), SERVER),
        "a1": {Role.AGENT},
        "a2": {Role.AGENT},
    }
    assert {(host.ssh.user, host.ssh.sudo) for host in cluster.hosts} == {("vagrant", True)}
    assert len({host.address for host in cluster.hosts}) == 5


def test_machines_are_named_nowhere_else() -> None:
    files = [ROOT / "Vagrantfile", *(file for file in (ROOT / "vagrant").rglob("*") if file.is_file())]
    cluster = load_inventory(ROOT / "inventory.vagrant.yaml")
    for file in files:
        words = set(re.findall(r"[\w.]+", file.read_text(errors="replace")))
        named = words & {word for host in cluster.hosts for word in (host.name, host.address)}
        assert not named, f"{file}: {named}"


def test_the_documentation_names_every_variable() -> None:
    pattern = r"MESOSCTL_VAGRANT_\w+"
    read = set(re.findall(pattern, (ROOT / "Vagrantfile").read_text()))
    assert set(re.findall(pattern, (ROOT / "docs" / "vagrant.md").read_text())) == read
