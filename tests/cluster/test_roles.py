"""The Ansible roles and mesosctl leave a host alike: after the one, the other finds nothing to change."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from mesosctl.errors import ExitCode
from mesosctl.lab import ImageKind
from tests.cluster.conftest import PROXY, Cluster
from tests.cluster.labs import cluster_of
from tests.conftest import LabFactory

ROLES = Path(__file__).parents[2] / "roles"
BIN = Path(sys.executable).parent
PLAIN = {"ANSIBLE_NOCOLOR": "1", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
"""No colours; Ansible refuses to work in a locale that is not UTF-8."""


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What a program of the virtual environment prints."""
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=folder,
        env={**environment, **PLAIN, "PATH": f"{BIN}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def play(cluster: Cluster, *arguments: str) -> dict[str, int]:
    """How many tasks of all roles changed something, by host."""
    screen = run(["ansible-playbook", "site.yml", *arguments], ROLES, cluster.environment())
    return {
        host: int(changed) for host, changed in re.findall(r"^(\S+) +: ok=\d+ +changed=(\d+)", screen, re.MULTILINE)
    }


def test_the_roles_change_nothing_after_mesosctl(cluster: Cluster) -> None:
    assert play(cluster) == dict.fromkeys(("h1", "h2", "h3", "h4", "h5"), 0)


def test_mesosctl_changes_nothing_after_the_roles(make_lab: LabFactory, tmp_path: Path) -> None:
    roles = {"h1": "zookeeper master marathon agent"}
    with cluster_of(make_lab, "roles", roles, ImageKind.BAKED, tmp_path) as one:
        one.edit(lambda document: document.update(proxy=PROXY))
        assert play(one, "--check")["h1"] > 10
        assert one.status()["masters"]["leaders"] == []
        assert play(one)["h1"] > 10
        one.mesosctl("plan", expect=ExitCode.OK)
        one.mesosctl("verify")
        assert one.status()["green"]
        assert play(one) == {"h1": 0}


def test_a_scenario_of_molecule() -> None:
    """One of nine; `make test-slow` runs them all."""
    screen = run(["molecule", "test"], ROLES / "proxy", dict(os.environ))
    assert "Molecule executed 1 scenario (1 successful)" in screen
