"""What several chapters ask of a service: that it starts with its host, and again, that it runs, its limits."""

from __future__ import annotations

import re

import pytest
from testinfra.host import Host

RUNLEVELS = ("2", "3", "4", "5")
"""With several users, in which services start where there is no systemd (Linux Standard Base)."""


def systemd(host: Host) -> bool:
    """Whether the host's init is systemd (sd_booted(3))."""
    return bool(host.run("test -d /run/systemd/system").rc == 0)


def starts_with_host(host: Host, name: str) -> None:
    """Fails where the service does not start with the host."""
    if systemd(host):
        state = host.run("systemctl is-enabled %s", name).stdout.strip()
        assert state == "enabled", f"its unit is {state or 'unknown'}"
        return
    missing = [
        level
        for level in RUNLEVELS
        if host.run(f"ls -d /etc/rc{level}.d/S*%s /etc/rc.d/rc{level}.d/S*%s 2>/dev/null", name, name).stdout == ""
    ]
    assert not missing, f"it does not start in the runlevel{'s' * (len(missing) > 1)} {', '.join(missing)}"


def starts_again(host: Host, name: str) -> None:
    """Fails where the service stays away when its program ends; an init script starts nothing by itself."""
    if not systemd(host):
        pytest.skip("without systemd nothing starts it again")
    restart = host.check_output("systemctl show -p Restart --value %s", name)
    assert restart == "always", f"Restart= is {restart}"


def running(host: Host, name: str) -> None:
    """Fails where the service does not run."""
    if systemd(host):
        state = host.run("systemctl is-active %s", name).stdout.strip()
        assert state == "active", f"its unit is {state or 'unknown'}"
    else:
        status = host.run("/etc/init.d/%s status", name)
        assert status.rc == 0, status.stdout.strip() or f"its status is {status.rc}"


def open_files(host: Host, name: str, wanted: int) -> None:
    """Fails where the service's program may open fewer files."""
    if systemd(host):
        limit = host.check_output("systemctl show -p LimitNOFILE --value %s", name)
    else:
        said = host.check_output("/etc/init.d/%s status", name)
        process = re.search("[0-9]+", said)
        assert process, f"its init script says: {said}"
        limit = host.check_output("awk '/^Max open files/ { print $4 }' /proc/%s/limits", process[0])
    assert limit in ("infinity", "unlimited") or int(limit) >= wanted, f"it may open {limit} files"


def environment(host: Host, path: str, prefix: str) -> dict[str, str]:
    """The variables with a prefix that a file of exports makes, by their names without it."""
    assert host.file(path).exists, f"{path} is missing"
    text = host.check_output("env -i PATH=/usr/bin:/bin sh -c '. \"$0\"; env' %s", path)
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.removeprefix(prefix): value for name, _, value in pairs if name.startswith(prefix)}
