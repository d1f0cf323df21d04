"""What docs/vagrant.md says, with the provider docker: `vagrant up`, and the same commands as everywhere.

Two machines go through it, named by an inventory of the test's own: five take longer, and tell nothing more of Vagrant.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mesosctl.inventory.load import load_inventory
from mesosctl.lab import engine, labs

ROOT = Path(__file__).parents[2]
CLONE = ("Vagrantfile", "vagrant", "inventory.vagrant.yaml")
INVENTORY = "small.yaml"
NETWORK = f"192.168.{100 + os.getpid() % 100}"
"""Not that of the repository's own inventory, whose machines may be up."""


class Desk:
    """A folder with what Vagrant needs of the repository, and a home of its own for keys and state."""

    def __init__(self, folder: Path, socket: str | None) -> None:
        self.folder, self.home = folder / "clone", folder / "home"
        self.home.mkdir()
        self.folder.mkdir()
        for name in CLONE:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.folder / name)
        document = yaml.safe_load((self.folder / CLONE[-1]).read_text())
        document["hosts"] = {
            "m1": {"address": f"{NETWORK}.11", "roles": ["zookeeper", "master", "marathon"], "zookeeper_id": 1},
            "a1": {"address": f"{NETWORK}.21", "roles": ["agent"]},
        }
        (self.folder / INVENTORY).write_text(yaml.safe_dump(document, sort_keys=False))
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("VAGRANT_", "MESOSCTL_"))},
            "HOME": str(self.home),
            "MESOSCTL_STATE": str(folder / "state"),
            "MESOSCTL_VAGRANT_INVENTORY": INVENTORY,
            "VAGRANT_DEFAULT_PROVIDER": "docker",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **({"DOCKER_HOST": socket} if socket else {}),
        }

    def attempt(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command in this folder, with further variables of the environment, however it ends."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=800,
        )

    def run(self, *command: str, expect: int = 0, **variables: str) -> str:
        """What a command prints; `expect` is the exit code that it must end with."""
        done = self.attempt(*command, **variables)
        assert done.returncode == expect, f"{command}: exit {done.returncode}\n{done.stdout}"
        return done.stdout

    def up(self, *machines: str) -> None:
        """`vagrant up`. It asks for all containers of the engine, and gives up where one of others goes meanwhile."""
        for _ in range(5):
            done = self.attempt("vagrant", "up", *machines)
            if "No such object" not in done.stdout:
                break
        assert done.returncode == 0, done.stdout

    def known_keys(self) -> dict[str, str]:
        """The keys that mesosctl trusts, by address."""
        lines = (Path(self.environment["MESOSCTL_STATE"]) / "vagrant" / "known_hosts").read_text().splitlines()
        return dict(line.split(" ", 1) for line in lines)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Vagrant talks to the engine that the labs are on, which has the image of their hosts."""
    docker = engine.engine(lambda text: None)
    made = Desk(tmp_path, docker.socket)
    try:
        yield made
    finally:
        made.run("vagrant", "destroy", "--force", "--parallel")
        if docker == engine.OWN and not labs():
            engine.stop_own_engine()


def test_the_chain(desk: Desk) -> None:
    assert "validated successfully" in desk.run("vagrant", "validate")
    said = desk.run("vagrant", "status", "--machine-readable", MESOSCTL_VAGRANT_INVENTORY=CLONE[-1])
    states = dict(re.findall(r"^\d+,(\w+),state,(\w+)$", said, re.MULTILINE))
    assert states == {host.name: "not_created" for host in load_inventory(ROOT / CLONE[-1]).hosts}

    desk.run(sys.executable, str(ROOT / "vagrant" / "build.py"), "docker")
    desk.up()
    keys = desk.known_keys()
    assert set(keys) == {f"{NETWORK}.11", f"{NETWORK}.21"}
    desk.run("mesosctl", "bootstrap", INVENTORY, "--yes")
    assert "status vagrant: green" in desk.run("mesosctl", "start-cluster", INVENTORY)
    assert "verify vagrant: holds" in desk.run("mesosctl", "verify", INVENTORY)

    desk.run("vagrant", "destroy", "--force", "a1")
    desk.up("a1")
    anew = desk.known_keys()
    assert [address for address in keys if keys[address] != anew[address]] == [f"{NETWORK}.21"]
    assert desk.run("mesosctl", "exec", "-i", INVENTORY, "--limit", "a1", "true")

    another_key = "ssh-keygen -q -t ed25519 -N '' -f other && sudo cp other.pub /etc/ssh/ssh_host_ed25519_key.pub"
    desk.run("vagrant", "ssh", "a1", "-c", f"{another_key} && sudo rm /etc/ssh/ssh_host_ecdsa_key.pub")
    assert "NOT THE EXPECTED ONE" in desk.run("vagrant", "up", "a1", expect=1)
    assert desk.known_keys() == anew
