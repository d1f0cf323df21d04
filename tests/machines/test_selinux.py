"""SELinux where it is real: `mesosctl selinux`, `bootstrap` and `verify` on a host whose kernel enforces.

The tests build on each other: each leaves its mode to the next.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mesosctl.errors import ExitCode
from tests.cluster.conftest import with_status
from tests.cluster.test_roles import ROLES, run
from tests.machines.conftest import Site, SiteFactory

pytestmark = pytest.mark.timeout(3600)
CONFIG = "/etc/selinux/config"
NOW, LATER = "test_selinux_now", "test_selinux_after_a_boot"
OURS = "/etc /home /opt /root /usr/bin /usr/local /var/lib/mesosctl"
LOOK_OF_A_ROLE = """\
- hosts: all
  gather_facts: false
  roles: [selinux]
"""


@pytest.fixture(scope="module")
def site(make_site: SiteFactory) -> Site:
    """A host in permissive mode, as Debian installs it."""
    return make_site({"h1": ["master"]}, selinux="permissive")


def modes(site: Site) -> tuple[str, str]:
    """What the host itself says: the mode now, and the one that its configuration asks for."""
    now, configured = site.sh("h1", f"getenforce; sed -n 's/^SELINUX=//p' {CONFIG}").split()
    return now.lower(), configured


def shown(site: Site) -> tuple[str, str]:
    """The same, as `mesosctl selinux show` says it."""
    host = site.report("selinux", "show")["hosts"]["h1"]
    return host["now"], host["after_reboot"]


def declare(site: Site, mode: str) -> None:
    site.edit(lambda document: document.update(selinux=mode))


def set_mode(site: Site) -> str:
    """What `selinux set` says; twice, and the second time it must find nothing to do."""
    screen = site.mesosctl("selinux", "set", "--yes").stdout
    assert "nothing to change" in site.mesosctl("selinux", "set", "--yes").stdout
    site.mesosctl("selinux", "set", "--dry-run", expect=ExitCode.OK)
    return screen


def broken(site: Site) -> set[str]:
    """The promises about SELinux that `mesosctl verify` finds broken; it must look at both."""
    command = [sys.executable, "-m", "mesosctl", "verify", "-k", "test_selinux", "--output", "json"]
    done = subprocess.run(command, env=site.environment(), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    statuses = {promise["test"]: promise["status"] for promise in json.loads(done.stdout)["promises"]}
    assert set(statuses) == {NOW, LATER}
    assert set(statuses.values()) <= {"held", "broken"}
    found = {test for test, status in statuses.items() if status == "broken"}
    assert done.returncode == (ExitCode.FAILED if found else ExitCode.OK)
    return found


def test_enforcing_now_and_after_a_boot(site: Site) -> None:
    assert modes(site) == shown(site) == ("permissive", "permissive")
    assert broken(site) == set()
    declare(site, "enforcing")
    assert broken(site) == {NOW, LATER}
    assert set_mode(site).count("changed") >= 2
    assert modes(site) == shown(site) == ("enforcing", "enforcing")
    assert broken(site) == set()
    site.lab.host("h1").reboot()
    assert modes(site) == shown(site) == ("enforcing", "enforcing")
    site.mesosctl("selinux", "set", "--dry-run", expect=ExitCode.OK)
    assert broken(site) == set()


def test_a_change_by_hand_is_found_and_put_right(site: Site, tmp_path: Path) -> None:
    site.sh("h1", "setenforce 0")
    assert broken(site) == {NOW}
    pending = site.report("plan", "--limit", "prepare", expect=ExitCode.CHANGES_PENDING)
    assert "h1 SELinux enforcing now" in with_status(pending, "pending")
    assert site.changed("selinux", "set", "--yes") == ["h1 SELinux enforcing now"]
    site.sh("h1", f"sed -i s/^SELINUX=.*/SELINUX=permissive/ {CONFIG}")
    assert broken(site) == {LATER}
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(LOOK_OF_A_ROLE)
    command = ["ansible-playbook", "-i", "hosts", str(playbook)]
    environment = {**site.environment(), "ANSIBLE_CONFIG": str(ROLES / "ansible.cfg")}
    # the mode, and the names and limits of the role that it depends on
    assert "changed=2 " in run(command, ROLES, environment)
    assert broken(site) == set()
    assert "changed=0 " in run(command, ROLES, environment)


def test_what_is_written_under_enforcement_is_labelled_for_it(site: Site) -> None:
    site.mesosctl("bootstrap", "--yes", "--limit", "access,prepare")
    assert site.sh("h1", f"restorecon -Rnv {OURS}") == ""


def test_a_key_is_accepted_where_its_folder_was_made_under_enforcement(site: Site) -> None:
    site.sh("h1", "test ! -e /home/ops/.ssh")
    before = site.inventory.read_text()
    environment = {**os.environ, "OPS": "ops-lab"}
    try:
        site.edit(lambda document: document["ssh"].update(user="ops", sudo=True, password="env:OPS"))
        site.edit(lambda document: document["ssh"].pop("key"))
        command = [sys.executable, "-m", "mesosctl", "keys", "push", "-i", str(site.inventory)]
        subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL)
        site.edit(lambda document: document["ssh"].pop("password"))
        assert "uid=0(root)" in site.mesosctl("exec", "id").stdout
    finally:
        site.inventory.write_text(before)


def test_disabled_takes_a_reboot(site: Site) -> None:
    declare(site, "disabled")
    assert "reboot required" in set_mode(site)
    assert modes(site) == shown(site) == ("permissive", "disabled")
    assert "reboot required" in site.mesosctl("selinux", "set", "--yes").stdout
    # packages cannot be fetched from here, which is what `check` fails for
    assert "disabled takes a reboot" in site.mesosctl("check", expect=ExitCode.FAILED).stdout
    site.lab.host("h1").reboot()
    assert modes(site) == shown(site) == ("disabled", "disabled")
    assert "reboot required" not in set_mode(site)
    assert broken(site) == set()


def test_enforcing_again_by_way_of_permissive(site: Site) -> None:
    """A host that was written to while SELinux was disabled and is booted into enforcing mode lets nobody log in."""
    machine = site.lab.host("h1")
    declare(site, "enforcing")
    assert broken(site) == {NOW, LATER}
    assert "touch /.autorelabel" in set_mode(site)
    assert modes(site) == shown(site) == ("disabled", "permissive")
    site.sh("h1", "rm -f /.autorelabel; echo without a label >/etc/new")
    machine.reboot()
    assert modes(site) == ("permissive", "permissive")
    assert "files have no label" in site.mesosctl("selinux", "set", "--yes", expect=ExitCode.FAILED).stdout
    assert modes(site) == ("permissive", "permissive")
    site.sh("h1", "touch /.autorelabel")
    machine.reboot()
    assert site.sh("h1", "stat -c %C /etc/new").strip().endswith(":etc_t:s0")
    set_mode(site)
    machine.reboot()
    assert modes(site) == shown(site) == ("enforcing", "enforcing")
    assert broken(site) == set()
