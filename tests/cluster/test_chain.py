"""The chain of the README, typed as it stands there: an installed package, five bare hosts, the guide's app, `verify`.

Only the addresses differ, and `verify` writes a report for the test to read, too.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sysconfig
import venv
import xml.etree.ElementTree as Xml
from pathlib import Path

from mesosctl import lab
from mesosctl.errors import ExitCode
from mesosctl.lab import ImageKind, Lab
from tests.cluster.conftest import eventually, page
from tests.conftest import LabFactory

ROOT = Path(__file__).parents[2]
CLONE = ("README.md", "pyproject.toml", "mesosctl", "examples")
"""What of the repository the chain needs."""
EDITS = """sed -i -e 's|# key: .*|key: {key}|' -e 's/^# selinux:/selinux:/' "$1\""""
"""What a person changes in the inventory: the key that opens the hosts, and SELinux' mode."""
PROMISED: dict[str, tuple[ExitCode, str]] = {
    "pip install .": (ExitCode.OK, ""),
    "mesosctl init": (ExitCode.OK, "inventory.yaml written"),
    "$EDITOR inventory.yaml": (ExitCode.OK, ""),
    "mesosctl validate": (ExitCode.OK, "valid, cluster mesos with 5 hosts"),
    "mesosctl hosts trust": (ExitCode.OK, "stored 5 in"),
    "mesosctl check": (ExitCode.OK, "check mesos: fit; 0 errors"),
    "mesosctl plan": (ExitCode.CHANGES_PENDING, "changes pending on 5 hosts"),
    "mesosctl bootstrap": (ExitCode.OK, "changes on 5 hosts"),
    "mesosctl start-cluster": (ExitCode.OK, "status mesos: green"),
    "mesosctl status": (ExitCode.OK, "status mesos: green"),
    "mesosctl app run examples/nginx.json": (ExitCode.OK, "1 of 1 running"),
    "mesosctl verify": (ExitCode.OK, "0 broken"),
}
"""The commands in their order, how each ends, and what it says where it did what the README promises."""


def chain() -> list[str]:
    """The commands of the README's section "Use it", without their comments."""
    block = re.search(r"^## Use it\n\n((?: {4}.*\n)+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert block
    return [line.partition(" #")[0].strip() for line in block[1].splitlines()]


class Desk:
    """A folder with a clone of the repository and a virtual environment, and a person before a terminal, who says yes.

    The environment has what mesosctl needs from the one that the test runs in, but its mesosctl is what `pip` installs.
    """

    def __init__(self, folder: Path, hosts: Lab) -> None:
        self.folder = folder / "mesosctl"
        self.folder.mkdir()
        for name in CLONE:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, self.folder / name)
        environment, editor = folder / "environment", folder / "editor"
        venv.create(environment, with_pip=False, symlinks=True)
        there = sysconfig.get_path("purelib")
        Path(sysconfig.get_path("purelib", vars={"base": str(environment)}), "there.pth").write_text(f"{there}\n")
        program(environment / "bin" / "pip", 'exec "${0%/*}/python" -m pip "$@"')
        program(editor, EDITS.format(key=hosts.key))
        self._environment = {
            **os.environ,
            "EDITOR": str(editor),
            "MESOSCTL_STATE": str(folder / "state"),
            "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
        }

    def type(self, command: str, expect: ExitCode) -> str:
        """What a command prints."""
        terminal, keyboard = pty.openpty()
        os.write(terminal, b"y\n")
        try:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self._environment,
                stdin=keyboard,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=900,
            )
        finally:
            os.close(terminal)
            os.close(keyboard)
        assert done.returncode == expect, f"{command}: exit {done.returncode}\n{done.stdout}"
        return done.stdout


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_chain_of_the_readme(make_lab: LabFactory, tmp_path: Path) -> None:
    hosts, commands = make_lab("chain", 5, ImageKind.BAKED), chain()
    desk = Desk(tmp_path, hosts)
    lab.load(hosts, "nginx", [host.name for host in hosts.hosts[-2:]])
    names = re.findall(r"(\S+)=10[.0-9]+", commands[1])
    addresses = {name: host.address for name, host in zip(names, hosts.hosts, strict=True)}
    commands[1] = " ".join(["mesosctl init", *(f"{name}={address}" for name, address in addresses.items())])
    assert [command.partition(f" {names[0]}=")[0] for command in commands] == list(PROMISED)
    commands[-1] += " --junit report.xml"

    screens = []
    for command, (end, promised) in zip(commands, PROMISED.values(), strict=True):
        screens.append(desk.type(command, end))
        assert promised in screens[-1], f"{command}:\n{screens[-1]}"

    assert re.findall(r"^(\w+) +[0-9.]+:22 ", screens[4], re.MULTILINE) == names, "in the inventory's order"
    places = re.findall(r"^ +(\w+):(\d+)$", screens[-2], re.MULTILINE)
    assert len(places) == 1, screens[-2]
    host, port = places[0]
    eventually(lambda: "<title>Welcome to nginx!</title>" in page(f"http://{addresses[host]}:{port}/"), 120)

    report = Xml.parse(desk.folder / "report.xml").getroot()
    found = {suite.get("name"): (suite.get("failures"), suite.get("errors")) for suite in report}
    assert found == dict.fromkeys([*names, "cluster"], ("0", "0"))
