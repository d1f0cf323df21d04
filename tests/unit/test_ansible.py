"""The inventory for Ansible, and what the roles say of themselves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from mesosctl import tasks
from mesosctl.cli import root
from mesosctl.errors import ExitCode, MesosctlError

ROLES = Path(__file__).parents[2] / "roles"
NAMES = ["common", "docker", "marathon", "mesos_agent", "mesos_master", "proxy", "selinux", "ssh_keys", "zookeeper"]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGogfb/byE/p0rTOdjP4PGHvbQ0cCV5kFC+JlpNHPB5T"
INVENTORY = f"""
name: c
ssh: {{user: ops, sudo: true, sudo_password: 'file:secret', password: 'env:LOGIN', jump: 'b@192.0.2.99'}}
hosts:
  m1: {{address: 192.0.2.1, roles: [zookeeper, master, marathon], zookeeper_id: 1, host_keys: ['{KEY}']}}
  a1: {{address: 192.0.2.2, roles: [agent], ssh: {{port: 2222, user: root, key: key}}, host_keys: ['{KEY}']}}
"""


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MESOSCTL_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("LOGIN", raising=False)
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY)
    return path


def listed(inventory: Path, *arguments: str) -> Any:
    done = CliRunner().invoke(root, ["inventory", "--ansible", *arguments, str(inventory)], standalone_mode=False)
    assert done.exception is None, done.exception
    return json.loads(done.stdout)


def test_groups_and_hosts(inventory: Path, tmp_path: Path) -> None:
    found = listed(inventory, "--list")
    assert found["zookeeper"]["hosts"] == found["mesos_master"]["hosts"] == found["marathon"]["hosts"] == ["m1"]
    assert found["mesos_agent"]["hosts"] == ["a1"]
    assert found["all"]["vars"] == {"mesosctl_inventory": str(inventory)}
    assert set(found["all"]["children"]) == set(found) - {"all", "_meta"}
    known_hosts = tmp_path / "state/c/ansible_known_hosts"
    assert known_hosts.read_text() == f"192.0.2.1 {KEY}\n[192.0.2.2]:2222 {KEY}\n"
    options = f"-o UserKnownHostsFile={known_hosts} -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes"
    assert found["_meta"]["hostvars"]["m1"] == {
        "ansible_host": "192.0.2.1",
        "ansible_port": 22,
        "ansible_user": "ops",
        "ansible_become": True,
        "ansible_ssh_common_args": f"{options} -o ProxyJump=b@192.0.2.99",
        "ansible_password": "{{ lookup('ansible.builtin.env', 'LOGIN') }}",
        "ansible_become_password": f"{{{{ lookup('ansible.builtin.file', '{tmp_path}/secret') }}}}",
    }
    assert listed(inventory, "--host", "a1") == found["_meta"]["hostvars"]["a1"]
    assert found["_meta"]["hostvars"]["a1"]["ansible_ssh_private_key_file"] == str(tmp_path / "key")


def test_a_password_in_the_inventory_is_not_shown(inventory: Path) -> None:
    inventory.write_text(INVENTORY.replace("env:LOGIN", "plain"))
    done = CliRunner().invoke(root, ["inventory", "--ansible", str(inventory)], standalone_mode=False)
    assert isinstance(done.exception, MesosctlError)
    assert "plain" not in done.output


def test_what_is_not_known(inventory: Path) -> None:
    for arguments in (["--ansible", "--host", "m9"], []):
        done = CliRunner().invoke(root, ["inventory", *arguments, str(inventory)], standalone_mode=False)
        assert isinstance(done.exception, MesosctlError)
        assert done.exception.exit_code == ExitCode.USAGE


def test_all_roles_are_there() -> None:
    assert sorted(path.parent.name for path in ROLES.glob("*/tasks")) == NAMES
    assert [
        name for play in yaml.safe_load((ROLES / "site.yml").read_text()) for name in map(role_name, play["roles"])
    ] == [
        "ssh_keys",
        "common",
        "selinux",
        "proxy",
        "docker",
        "zookeeper",
        "mesos_master",
        "mesos_agent",
        "marathon",
    ]
    index = (ROLES / "README.md").read_text()
    assert sorted(re.findall(r"\]\((\w+)/README\.md\)", index)) == NAMES


def role_name(role: dict[str, str]) -> str:
    return role["role"]


@pytest.mark.parametrize("role", NAMES)
def test_variables_are_told_alike(role: str) -> None:
    folder = ROLES / role
    defaults = yaml.safe_load((folder / "defaults/main.yml").read_text())
    options = yaml.safe_load((folder / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert set(options) == set(defaults)
    for name, option in options.items():
        if not option.get("required"):
            assert option["default"] == defaults[name]
    assert set(re.findall(r"^\| `(\w+)`", (folder / "README.md").read_text(), re.MULTILINE)) == set(defaults)


def test_the_roles_carry_out_every_chapter_of_bootstrap_in_its_order() -> None:
    carried_out: list[str] = []
    for play in yaml.safe_load((ROLES / "site.yml").read_text()):
        for role in map(role_name, play["roles"]):
            text = (ROLES / role / "tasks/main.yml").read_text()
            for chapters in re.findall(r"chapters: \[(.*)\]", text):
                carried_out += [name for name in chapters.split(", ") if name not in carried_out]
    assert set(carried_out) == {name for stage in tasks.STAGES for name in stage.tasks}
    services = [name for name in carried_out if name.endswith("_service") and name != "mesos_service"]
    assert services == [name for stage in tasks.STAGES[4:] for name in stage.tasks if name != "mesos_releases"]


@pytest.mark.parametrize(
    ("done", "lines", "error"),
    [
        ({"rc": 0, "stdout": "n 0 ok\nn end\n", "stderr": ""}, ["n 0 ok", "n end"], ""),
        ({"rc": 1, "stdout": "n 0 failed no\n", "stderr": "secret"}, ["n 0 failed no"], ""),
        ({"rc": 1, "stdout": "", "stderr": "sudo: no\n"}, [], "ended with 1: sudo: no"),
    ],
)
def test_why_a_program_failed_is_for_it_to_say(done: dict[str, object], lines: list[str], error: str) -> None:
    pytest.importorskip("ansible")
    from mesosctl.ansible.action import ActionModule

    action: Any = object.__new__(ActionModule)
    action._low_level_execute_command = lambda command, in_data: done
    seen: list[str] = []
    with pytest.raises(MesosctlError, match=error) if error else nullcontext():
        action._execute("program", seen.append)
    assert [line for line in seen if line] == lines


def test_an_inventory_that_is_not_valid_ends_a_playbook(tmp_path: Path) -> None:
    pytest.importorskip("ansible")
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text("name: c\nhosts: {}\nprxy: {}\n")
    folder = Path(sys.executable).parent
    environment = {**os.environ, "MESOSCTL_INVENTORY": str(inventory), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [folder / "ansible-playbook", "site.yml"],
        cwd=ROLES,
        env={**environment, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1, done.stdout
    assert "did you mean proxy?" in done.stderr
    assert "PLAY" not in done.stdout
