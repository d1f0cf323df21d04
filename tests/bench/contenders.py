"""The tools that are compared: how each is told of the targets and of the payload, and the command that runs it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import payload
from tests.bench.targets import Target, Targets, inventory

PARALLEL = 32
"""Hosts at a time of the loops; mesosctl's own default is the same."""


@dataclass(frozen=True)
class Contender:
    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


Prepare = Callable[[Targets, Sequence[Target], Path, Path], Contender]
"""(targets, those of them to use, an empty folder, bin folder of the peers' environment) -> contender"""


def mesosctl(targets: Targets, hosts: Sequence[Target], folder: Path, peers: Path) -> Contender:
    file = folder / "inventory.yaml"
    file.write_text(inventory([h.name for h in hosts], hosts[0].port, [h.host_key for h in hosts], targets.key))
    return Contender(
        "mesosctl", [sys.executable, "-m", "tests.bench.client", str(file)], {"MESOSCTL_STATE": str(folder / "state")}
    )


def ssh_loop(targets: Targets, hosts: Sequence[Target], folder: Path, peers: Path) -> Contender:
    """With the key exchange that Paramiko uses too: OpenSSH 9's default costs five times the CPU."""
    return _ssh_loop("ssh loop", "-o KexAlgorithms=curve25519-sha256", targets, hosts, folder)


def ssh_loop_by_default(targets: Targets, hosts: Sequence[Target], folder: Path, peers: Path) -> Contender:
    return _ssh_loop("ssh loop, default key exchange", "", targets, hosts, folder)


def _ssh_loop(name: str, options: str, targets: Targets, hosts: Sequence[Target], folder: Path) -> Contender:
    program, config = _loop_files(targets, hosts, folder)
    ssh = f"exec ssh -F {config} {options} {{}} sh -s <{program}"
    return Contender(name, ["xargs", "-a", f"{folder}/hosts", "-P", str(PARALLEL), "-I{}", "sh", "-c", ssh])


def paramiko_loop(targets: Targets, hosts: Sequence[Target], folder: Path, peers: Path) -> Contender:
    program, _ = _loop_files(targets, hosts, folder)
    script = Path(__file__).with_name("paramiko_loop.py")
    arguments = [str(targets.key), str(targets.known_hosts), str(program), f"{folder}/hosts", str(hosts[0].port)]
    return Contender("Paramiko loop", [sys.executable, str(script), *arguments])


def pyinfra(targets: Targets, hosts: Sequence[Target], folder: Path, peers: Path) -> Contender:
    shared = {
        "ssh_user": "root",
        "ssh_key": str(targets.key),
        "ssh_known_hosts_file": str(targets.known_hosts),
        "ssh_strict_host_key_checking": "yes",
    }
    listed = [(host.name, {**shared, "ssh_hostname": host.address, "ssh_port": host.port}) for host in hosts]
    (folder / "inventory.py").write_text(f"hosts = {listed!r}\n")
    lines = ["from pyinfra.operations import files, server"]
    for number, (file, local) in enumerate(_local_files(folder)):
        arguments = f"src={str(local)!r}, dest={str(file.path)!r}, mode={file.mode!r}"
        lines.append(f"files.put(name='file {number}', {arguments})")
    for command in payload.COMMANDS:
        lines.append(f"server.shell(name={command.name!r}, commands=[{f'{command.check} || {command.apply}'!r}])")
    (folder / "deploy.py").write_text("\n".join(lines) + "\n")
    return Contender("pyinfra", [str(peers / "pyinfra"), "-y", str(folder / "inventory.py"), str(folder / "deploy.py")])


def ansible(targets: Targets, hosts: Sequence[Target], folder: Path, peers: Path) -> Contender:
    host_variables = {host.name: {"ansible_host": host.address, "ansible_port": host.port} for host in hosts}
    shared = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(targets.key),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    # JSON is YAML
    (folder / "inventory.yaml").write_text(json.dumps({"all": {"hosts": host_variables, "vars": shared}}))
    folders = sorted({str(file.path.parent) for file in payload.FILES})
    tasks: list[dict[str, object]] = [
        {"ansible.builtin.shell": f"mkdir -p {' '.join(folders)}"},
        *(
            {"ansible.builtin.copy": {"src": str(local), "dest": str(file.path), "mode": file.mode}}
            for file, local in _local_files(folder)
        ),
        *({"ansible.builtin.shell": f"{command.check} || {command.apply}"} for command in payload.COMMANDS),
    ]
    playbook = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    (folder / "playbook.yaml").write_text(json.dumps(playbook))
    options = f"-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile={targets.known_hosts}"
    (folder / "ansible.cfg").write_text(
        f"[defaults]\nforks={len(hosts)}\nhost_key_checking=True\nhome={folder}/home\n"
        f"[ssh_connection]\npipelining=True\nssh_args={options}\n"
    )
    return Contender(
        "ansible-core",
        [str(peers / "ansible-playbook"), "-i", str(folder / "inventory.yaml"), str(folder / "playbook.yaml")],
        {"ANSIBLE_CONFIG": str(folder / "ansible.cfg")},
    )


CONTENDERS: dict[str, Prepare] = {
    "mesosctl": mesosctl,
    "ssh": ssh_loop,
    "ssh default": ssh_loop_by_default,
    "paramiko": paramiko_loop,
    "pyinfra": pyinfra,
    "ansible": ansible,
}


def _loop_files(targets: Targets, hosts: Sequence[Target], folder: Path) -> tuple[Path, Path]:
    program, config = folder / "program.sh", folder / "ssh_config"
    program.write_text(payload.program())
    config.write_text(
        f"User root\nPort {hosts[0].port}\nIdentityFile {targets.key}\nIdentitiesOnly yes\nBatchMode yes\n"
        f"UserKnownHostsFile {targets.known_hosts}\nGlobalKnownHostsFile none\nStrictHostKeyChecking yes\n"
    )
    (folder / "hosts").write_text("".join(f"{host.address}\n" for host in hosts))
    return Path(shlex.quote(str(program))), Path(shlex.quote(str(config)))


def _local_files(folder: Path) -> list[tuple[payload.PayloadFile, Path]]:
    """The payload's files as files of this machine."""
    local = []
    for number, file in enumerate(payload.FILES):
        path = folder / f"file{number}"
        path.write_text(file.content)
        local.append((file, path))
    return local
