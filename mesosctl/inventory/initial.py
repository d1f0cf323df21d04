"""The inventory that `mesosctl init` writes: the hosts given, sensible roles, and the usual keys commented out."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mesosctl.errors import RefusedError, UsageError
from mesosctl.inventory import formats as form
from mesosctl.inventory.example import comment, flow
from mesosctl.inventory.kinds import Text, Wrong
from mesosctl.inventory.load import read_bytes
from mesosctl.inventory.model import Role
from mesosctl.inventory.section import Section
from mesosctl.inventory.spec import INVENTORY

_SERVERS = (Role.ZOOKEEPER, Role.MASTER, Role.MARATHON)
_ENSEMBLE = 3
"""Hosts that run ZooKeeper, a master and Marathon each, once there are as many."""


class Target(NamedTuple):
    """A host as it is given on the command line."""

    name: str
    address: str
    user: str
    port: int


def targets(arguments: Sequence[str]) -> tuple[Target, ...]:
    """The hosts of `[NAME=][USER@]ADDRESS[:PORT]` each; nodes with an IP address and no name become node1, node2…

    Raises UsageError.
    """
    taken = {name for name, _ in map(_split, arguments) if name}
    found: list[Target] = []
    for argument in arguments:
        name, rest = _split(argument)
        match = re.fullmatch(
            r"(?:([^@]+)@)?(\[[^\]]+\]|[^:@]+|[0-9a-fA-F:]*:[0-9a-fA-F:]*:[^@]*?)(?::([0-9]{1,5}))?", rest
        )
        if not match or not 1 <= int(match[3] or 22) <= 65535:
            raise UsageError(f"`{argument}` is no host", fix="give [NAME=][USER@]ADDRESS[:PORT]")
        address = _parsed(form.ADDRESS, match[2], argument)
        if not name:
            name = address if re.search(r"[^0-9.]", address) and ":" not in address else _free(taken)
        taken.add(name)
        user = _parsed(form.LOGIN, match[1] or "root", argument)
        found.append(Target(_parsed(form.HOST_NAME, name, argument), address, user, int(match[3] or 22)))
    repeated = [name for name, count in Counter(target.name.lower() for target in found).items() if count > 1]
    if repeated:
        raise UsageError(f"the host {repeated[0]} is given twice")
    return tuple(found)


def initial(cluster: str, hosts: Sequence[Target]) -> str:
    """The text of an inventory for these hosts."""
    user, port = (
        Counter(values).most_common(1)[0][0] for values in zip(*((h.user, h.port) for h in hosts), strict=True)
    )
    lines = [
        "# The inventory of a cluster for mesosctl. Check it with `mesosctl validate`; what is commented out shows",
        "# the usual further keys, `mesosctl schema` has all of them.",
        "",
        f"name: {flow(_parsed(form.CLUSTER_NAME, cluster, cluster))}",
        "",
        "# How to reach the hosts and become root on them.",
        "ssh:",
        f"  user: {flow(user)}",
        *([f"  port: {port}"] if port != 22 else []),
        *(["  sudo: true"] if user != "root" else []),
        *_commented(_ssh_keys(user), "  "),
        "",
        "# A zookeeper_id is for ever: never change one, never give it to another host.",
        "hosts:",
    ]
    for index, host in enumerate(hosts):
        lines += _host(host, _roles(index, len(hosts)), index + 1, user, port)
    for key in INVENTORY.keys.values():
        if key.common and key.name != "ssh":
            lines += ["", *comment(key.doc, "")]
            if isinstance(key.kind, Section):
                lines += _commented({key.name: key.kind}, "")
            else:
                lines.append(f"# {key.name}: {flow(key.default)}")
    return "\n".join(lines) + "\n"


def _split(argument: str) -> tuple[str, str]:
    name, equals, rest = argument.partition("=")
    return (name, rest) if equals else ("", argument)


def _parsed(kind: Text, text: str, argument: str) -> str:
    try:
        value: str = kind.parse(text)
    except Wrong as wrong:
        raise UsageError(f"`{argument}`: {wrong.message or f'`{text}` is not {kind.expected}'}") from None
    return value


def _free(taken: set[str]) -> str:
    number = 1
    while f"node{number}" in taken:
        number += 1
    return f"node{number}"


def _roles(index: int, count: int) -> tuple[Role, ...]:
    """Three servers and agents; too few hosts for that share the work."""
    if count < _ENSEMBLE:
        return (*_SERVERS, Role.AGENT) if index == 0 else (Role.AGENT,)
    if count == _ENSEMBLE:
        return (*_SERVERS, Role.AGENT)
    return _SERVERS if index < _ENSEMBLE else (Role.AGENT,)


def _host(host: Target, roles: tuple[Role, ...], number: int, user: str, port: int) -> Iterator[str]:
    yield f"  {flow(host.name)}:"
    if host.address != host.name:
        yield f"    address: {flow(host.address)}"
    yield f"    roles: {flow(roles)}"
    if Role.ZOOKEEPER in roles:
        yield f"    zookeeper_id: {number}"
    ssh = {
        **({"user": host.user, "sudo": host.user != "root"} if host.user != user else {}),
        **({"port": host.port} if host.port != port else {}),
    }
    if ssh:
        yield f"    ssh: {flow(ssh)}"


def _ssh_keys(user: str) -> dict[str, Section | str]:
    """The usual keys of `ssh` that are not written already."""
    ssh = INVENTORY.keys["ssh"].kind
    assert isinstance(ssh, Section)
    written = {"user", "sudo"} if user != "root" else {"user", "sudo", "sudo_password"}
    return {
        key.name: key.example or flow(key.default)
        for key in ssh.keys.values()
        if key.common and key.name not in written
    }


def _commented(keys: dict[str, Section | str], indent: str) -> list[str]:
    """Keys as comment lines that become YAML when `# ` is taken away."""
    return [f"{indent}# {line}" for name, kind in keys.items() for line in _usual(name, kind, "")]


def _usual(name: str, kind: Section | str, indent: str) -> Iterator[str]:
    if isinstance(kind, str):
        yield f"{indent}{name}: {kind}"
        return
    yield f"{indent}{name}:"
    for key in kind.keys.values():
        if key.common and isinstance(key.kind, Section):
            yield from _usual(key.name, key.kind, indent + "  ")
        elif key.common:
            yield from _usual(key.name, key.example or flow(key.default), indent + "  ")


def write_new(path: Path, text: str) -> None:
    """Write an inventory that must be valid to a file that must not exist, whole or not at all.

    Raises RefusedError where the file exists, UsageError where the hosts do not make a cluster or there is no place.
    """
    errors = read_bytes(text.encode(), path, require_secrets=False).errors
    if errors:
        raise UsageError("the hosts do not make a cluster: " + "; ".join(problem.message for problem in errors))
    if path.exists():
        raise _exists(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        raise _exists(path) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be written: {error}") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def _exists(path: Path) -> RefusedError:
    return RefusedError(f"{path} exists already", fix="name another file with --output, or remove it")
