"""Whole commands on one real host, as a user runs them: bootstrap, Ctrl-C, reset, and the life of the keys."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mesosctl.errors import ExitCode
from mesosctl.lab import ImageKind, Lab
from tests.conftest import LabFactory

pytestmark = pytest.mark.lab

DIGESTS = (
    "cd / && find etc root home usr/local var/lib/mesos var/lib/zookeeper var/lib/mesosctl -xdev"
    " ! -path 'etc/passwd*' ! -path 'etc/shadow*' ! -path 'etc/group*' ! -path 'etc/gshadow*' ! -path 'etc/subuid*'"
    " ! -path 'etc/subgid*' ! -path etc/docker/key.json ! -name .bash_history"
    " -type f -exec sha256sum {} + 2>/dev/null | sort -k 2"
)
"""Every file that a reset must leave as it was; users are kept by intent, and Docker makes a key of its own."""

SLOW = "/etc/systemd/system/zookeeper.service.d/slow.conf"

FOREIGN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBtWWmWzWcyHEqXjMmO9ngSCxSfGjNjjQXpXBx0JRYQf somebody"


@dataclass
class Site:
    """A host, an inventory, and a state folder that belongs to the test alone."""

    lab: Lab
    folder: Path

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yaml"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "MESOSCTL_STATE": str(self.folder / "state"), "HOME": str(self.folder)}

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "mesosctl", *arguments]
        return subprocess.Popen(line, env=self.environment, cwd=self.folder, text=True, **options)

    def mesosctl(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        pipe = subprocess.PIPE
        process = self.start(*arguments, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
        out, errors = process.communicate(timeout=300)
        assert process.returncode == expect, f"exit {process.returncode}\n{out}\n{errors}"
        return subprocess.CompletedProcess(arguments, process.returncode, out, errors)

    def report(self, *arguments: str, expect: int = 0) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.mesosctl(*arguments, "--output", "json", expect=expect).stdout)
        return document

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        document = yaml.safe_load(self.inventory.read_text())
        change(document)
        self.inventory.write_text(yaml.safe_dump(document, sort_keys=False))

    def sh(self, script: str) -> str:
        """The output of a script on the host, without SSH."""
        done = self.lab.exec("h1", ["sh", "-c", script])
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def authorized(self) -> str:
        return self.sh("cat /root/.ssh/authorized_keys")

    def public(self, name: str = "id_ed25519") -> str:
        """The middle word of a public key of the cluster."""
        [state] = (self.folder / "state").glob(f"*/{name}.pub")
        return state.read_text().split()[1]


@pytest.fixture(scope="module")
def lab(make_lab: LabFactory) -> Lab:
    return make_lab("cli", 1, ImageKind.BAKED)


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Site]:
    """The host as the lab made it, and again so afterwards."""
    made = Site(lab, tmp_path)
    made.inventory.write_text(lab.inventory_text())
    kept = made.authorized()
    yield made
    made.inventory.write_text(lab.inventory_text())
    made.mesosctl("reset", "--data", "--yes-really", lab.name)
    assert made.authorized() == kept


def test_bootstrap_and_reset_leave_the_host_as_it_was(site: Site) -> None:
    before = site.sh(DIGESTS)
    pending = site.report("plan", expect=ExitCode.CHANGES_PENDING)["counts"]["pending"]
    done = site.report("bootstrap", "--yes")
    assert done["counts"]["changed"] == pending
    assert site.report("plan")["counts"]["pending"] == 0
    assert site.sh(DIGESTS) != before
    site.mesosctl("reset", "--yes-really", site.lab.name)
    assert site.sh("ls /var/lib/zookeeper/version-2")
    site.mesosctl("reset", "--data", "--yes-really", site.lab.name)
    assert site.sh(DIGESTS) == before


def test_ctrl_c_stops_cleanly_and_the_next_run_completes(site: Site) -> None:
    slow = "[Service]\\nTimeoutStartSec=infinity\\nExecStartPre=/bin/sleep 600\\n"
    site.sh(f"mkdir -p {SLOW.rpartition('/')[0]}; printf '{slow}' >{SLOW}")
    try:
        process = site.start("bootstrap", "--yes", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout
        for line in process.stdout:
            if line.startswith("h1: service zookeeper"):
                break
        process.send_signal(signal.SIGINT)
        screen, errors = process.communicate(timeout=120)
        assert process.returncode == ExitCode.INTERRUPTED
        assert "h1: service zookeeper" in screen
        assert "run it again" in screen
        assert "Traceback" not in screen + errors
        assert site.sh("find / -xdev -name '*mesosctl-new*'") == ""
    finally:
        site.sh(f"rm -r {SLOW.rpartition('/')[0]}; systemctl daemon-reload; systemctl stop zookeeper || :")
    site.mesosctl("bootstrap", "--yes")
    assert site.report("plan")["counts"]["pending"] == 0


def test_a_terminal_is_asked_before_anything_changes(site: Site) -> None:
    before = site.sh(DIGESTS)
    controller, terminal = pty.openpty()
    process = site.start("bootstrap", stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.write(controller, b"n\n")
    out, errors = process.communicate(timeout=120)
    os.close(controller)
    os.close(terminal)
    assert process.returncode == ExitCode.REFUSED
    assert "file /etc/zookeeper/conf/zoo.cfg: create" in out
    assert "nothing was changed" in errors
    assert site.sh(DIGESTS) == before


class TestKeys:
    def test_push_leaves_other_lines_alone(self, site: Site) -> None:
        site.sh(f"echo '{FOREIGN}' >>/root/.ssh/authorized_keys")
        before = site.authorized()
        site.mesosctl("keys", "push")
        after = site.authorized()
        assert after.startswith(before)
        assert site.public() in after
        assert site.public("nodes_ed25519") in after
        site.mesosctl("keys", "revoke", "--yes")
        assert site.authorized() == before
        assert not list((site.folder / "state").glob("*/*ed25519*"))
        site.sh("sed -i '$d' /root/.ssh/authorized_keys")

    def test_the_first_contact_may_be_a_password(self, site: Site) -> None:
        site.edit(lambda document: document.update(ssh={"user": "ops", "sudo": True, "password": "file:password"}))
        (site.folder / "password").write_text("ops-lab\n")
        (site.folder / "password").chmod(0o600)
        site.mesosctl("keys", "push")
        site.edit(lambda document: document["ssh"].pop("password"))
        assert site.report("plan", "--limit", "access")["counts"]["pending"] == 0
        site.edit(lambda document: document.update(ssh={"user": "ops", "sudo": True, "password": "file:password"}))
        site.mesosctl("keys", "revoke", "--yes")

    def test_rotation_replaces_both_keys(self, site: Site) -> None:
        site.mesosctl("keys", "push")
        before = {site.public(), site.public("nodes_ed25519")}
        site.mesosctl("keys", "rotate")
        after = {site.public(), site.public("nodes_ed25519")}
        held = site.authorized()
        assert not before & after
        assert all(key in held for key in after)
        assert not any(key in held for key in before)
        site.edit(lambda document: document["ssh"].pop("key"))
        assert site.report("plan", "--limit", "access")["counts"]["pending"] == 0

    def test_a_host_that_is_down_keeps_the_old_key_in_use(self, site: Site) -> None:
        site.mesosctl("keys", "push")
        before = site.public()
        down = {"address": "127.0.0.1", "roles": ["agent"], "ssh": {"port": 9, "connect_timeout": 2}}
        site.edit(lambda document: document["hosts"].update(h9=down))
        stopped = site.mesosctl("keys", "rotate", expect=ExitCode.FAILED)
        assert "Not rotated yet: h9 " in stopped.stderr
        assert site.public() == before
        assert site.authorized().count(" mesosctl-") >= 4
        site.edit(lambda document: document["hosts"].pop("h9"))
        site.mesosctl("keys", "rotate")
        assert site.public() != before
        assert before not in site.authorized()

    def test_the_only_way_in_is_not_taken_away(self, site: Site) -> None:
        site.mesosctl("keys", "push")
        site.edit(lambda document: document["ssh"].pop("key"))
        refused = site.mesosctl("keys", "revoke", "--yes", expect=ExitCode.REFUSED)
        assert "no way into h1" in refused.stderr
        kept = site.report("reset", "--yes-really", site.lab.name)
        assert "operator's key was left" in kept["hosts"]["h1"]["notes"][0]
        assert site.public() in site.authorized()
        assert site.public("nodes_ed25519") not in site.authorized()
