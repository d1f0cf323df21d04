"""What several chapters ask of a service: that it starts with its host, that it runs, and with which limits."""

from __future__ import annotations

from testinfra.host import Host


def systemd(host: Host) -> bool:
    """Whether the host's init is systemd (sd_booted(3))."""
    return bool(host.run("test -d /run/systemd/system").rc == 0)


def enabled(host: Host, name: str) -> None:
    """Fails where the service does not start with the host."""
    if systemd(host):
        state = host.run("systemctl is-enabled %s", name).stdout.strip()
        assert state == "enabled", f"its unit is {state or 'unknown'}"
    else:
        links = host.run("ls -d /etc/rc2.d/S*%s /etc/rc.d/rc2.d/S*%s 2>/dev/null", name, name).stdout.split()
        assert links, "no runlevel starts it"


def running(host: Host, name: str) -> None:
    """Fails where the service does not run."""
    if systemd(host):
        state = host.run("systemctl is-active %s", name).stdout.strip()
        assert state == "active", f"its unit is {state or 'unknown'}"
    else:
        status = host.run("/etc/init.d/%s status", name)
        assert status.rc == 0, status.stdout.strip() or f"its status is {status.rc}"


def always_up(host: Host, name: str) -> None:
    """Fails where the service does not start with the host, or not again when its program ends."""
    enabled(host, name)
    if systemd(host):
        restart = host.check_output("systemctl show -p Restart --value %s", name)
        assert restart == "always", f"Restart= is {restart}"


def open_files(host: Host, name: str, wanted: int) -> None:
    """Fails where the unit lets its program open fewer files; without systemd there is none to ask."""
    if not systemd(host):
        return
    limit = host.check_output("systemctl show -p LimitNOFILE --value %s", name)
    assert limit == "infinity" or int(limit) >= wanted, f"it may open {limit} files"


def environment(host: Host, path: str, prefix: str) -> dict[str, str]:
    """The variables with a prefix that a file of exports makes, by their names without it."""
    text = host.check_output("env -i PATH=/usr/bin:/bin sh -c '. \"$0\"; env' %s", path)
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.removeprefix(prefix): value for name, _, value in pairs if name.startswith(prefix)}
