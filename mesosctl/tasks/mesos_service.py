"""Mesos as services: what runs the masters and agents, and how their own HTTP says how they are.

The units start the programs through a script that reads the guide's environment files, whatever distribution the
programs are of. Endpoints: docs/endpoints of Apache Mesos, `/redirect` and `/metrics/snapshot`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Command, File, Resource, Restored, Retired, Service
from mesosctl.tasks.ask import basic, get
from mesosctl.tasks.common import endpoint
from mesosctl.tasks.mesos import PROGRAMS, agent_flags, configuration_directory, master_flags, programs_of
from mesosctl.templates import render
from mesosctl.templates.filters import sh

TITLE = "Mesos' services"

LAUNCHER = "/usr/local/sbin/mesos-service"
MASTER, AGENT = PROGRAMS[Role.MASTER], PROGRAMS[Role.AGENT]
AGENT_RUNS = f"systemctl is-active --quiet {AGENT}.service"
END_AGENT = (
    f"pid=$(systemctl show -p MainPID --value {AGENT}.service) && kill -s USR1 $pid && "
    "for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $pid 2>/dev/null || break; sleep 1; done; "
    f"systemctl stop {AGENT}.service"
)
"""Stops an agent for good: told by SIGUSR1 that it goes, it ends its tasks, which it leaves running otherwise."""
READY_TIMEOUT = 120
"""Seconds until a started master knows the leading one, or a started agent is registered."""


class Launcher(NamedTuple):
    configuration: str
    prefix: str


class Unit(NamedTuple):
    cluster: str
    launcher: str
    nofile: int


class Script(NamedTuple):
    program: str
    prefix: str
    log_dir: str


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    programs = programs_of(host)
    gone = [program for program in PROGRAMS.values() if program not in programs]
    found = [resource for program in gone for resource in _retired(program, facts)]
    prefix = cluster.mesos.prefix
    if facts.init != "systemd":
        return found + [
            File(
                path=_unit_path(program, facts),
                content=render("etc/init.d/mesos", Script(program, prefix, cluster.mesos.log_dir)),
                mode="0755",
                notify=(program,),
            )
            for program in programs
        ]
    launcher = render(LAUNCHER[1:], Launcher(configuration_directory(cluster), prefix))
    unit = Unit(cluster.name, LAUNCHER, cluster.limits.nofile)
    units = {_unit_path(program, facts): program for program in programs}
    return [
        *found,
        File(path=LAUNCHER, content=launcher, mode="0755", notify=programs) if programs else Restored(path=LAUNCHER),
        *(File(path=path, content=render(path[1:], unit), notify=(program,)) for path, program in units.items()),
    ]


def _unit_path(program: str, facts: Facts) -> str:
    return f"/etc/systemd/system/{program}.service" if facts.init == "systemd" else f"/etc/init.d/{program}"


def _retired(program: str, facts: Facts) -> list[Resource]:
    """What a host that does not run a program, or no longer does, must not have. Its data stay."""
    found: list[Resource] = [
        Retired(name=program, manager=facts.init),
        Restored(path=_unit_path(program, facts)),
    ]
    if program == AGENT and facts.init == "systemd":
        ours = f"recorded {sh(f'enabled {AGENT}')} && {AGENT_RUNS}"
        found.insert(0, Command(name=f"tasks of {AGENT} have ended", check=f"! {{ {ours}; }}", apply=END_AGENT))
    return found


def master(cluster: Cluster, host: Host, facts: Facts) -> Service:
    """The service of a master. It is `leader` or `follower` as soon as it knows the leading one."""
    member = standing(cluster, host)
    return Service(
        name=MASTER,
        manager=facts.init,
        start=False,
        ready=f'[ -n "$({member})" ]',
        ready_timeout=READY_TIMEOUT,
        member=member,
        log=log_file(cluster, MASTER),
    )


def agent(cluster: Cluster, host: Host, facts: Facts) -> Service:
    """The service of an agent; it is ready when it is registered with the leading master."""
    return Service(
        name=AGENT,
        manager=facts.init,
        start=False,
        ready=f"""{agent_metrics(cluster, host)} | grep -q '"slave/registered":1'""",
        ready_timeout=READY_TIMEOUT,
        needs=_no_master(cluster),
        log=log_file(cluster, AGENT),
    )


def _no_master(cluster: Cluster) -> str:
    """A sh command that prints why no agent can register, or nothing: each master is asked which one leads."""
    hosts = cluster.with_role(Role.MASTER)
    asked = [f"_said=$({_get(master_flags(cluster, host), '/redirect')})\n{_LEADS}" for host in hosts]
    where = ", ".join(endpoint(host.address, cluster.mesos.master.port) for host in hosts)
    silent = sh(f"not ready: no master answers at {where}")
    return "\n".join((f"_why={silent}", *asked, 'echo "$_why"'))


_LEADS = """case $_said in *[Ll]ocation:*) exit ;; HTTP/*) _why='not ready: no master leads' ;; esac"""


def log_file(cluster: Cluster, program: str) -> str:
    """The path of a program's log on its hosts."""
    return f"{cluster.mesos.log_dir}/{program}.INFO"


def standing(cluster: Cluster, host: Host) -> str:
    """A sh command that prints what the host's master is, `leader` or `follower`, or nothing while it knows of no
    leading master: `/redirect` leads to that one."""
    flags = master_flags(cluster, host)
    own = re.escape(_advertised(flags))
    leader, follower = rf"s|^[Ll]ocation: //{own}\(/.*\)*$|leader|p;t", "s|^[Ll]ocation: //.*|follower|p"
    return f"{_get(flags, '/redirect', 'credentials')} | sed -n -e {sh(leader)} -e {sh(follower)}"


def master_address(cluster: Cluster, host: Host) -> str:
    """Where a host's master is reached by clients and browsers."""
    flags = master_flags(cluster, host)
    return f"{'https' if _is_on(flags, 'LIBPROCESS_SSL_ENABLED') else 'http'}://{_advertised(flags)}"


def _advertised(flags: Mapping[str, str]) -> str:
    return f"{flags['hostname']}:{flags.get('advertise_port', flags['port'])}"


def master_metrics(cluster: Cluster, host: Host) -> str:
    """A sh command that prints what the host's master answers to `/metrics/snapshot`."""
    return _get(master_flags(cluster, host), "/metrics/snapshot", "credentials")


def agent_metrics(cluster: Cluster, host: Host) -> str:
    """A sh command that prints what the host's agent answers to `/metrics/snapshot`."""
    return _get(agent_flags(cluster, host), "/metrics/snapshot", "http_credentials")


def _get(flags: Mapping[str, str], path: str, credentials: str = "") -> str:
    """A sh command that prints the answer to a GET, with its head.

    `credentials`: the flag with the file of those who may ask. One of them is read on the host, where it is needed, and
    is on no command line.
    """
    file = flags.get(credentials, "").removeprefix("file://")
    asked = file and _is_on(flags, "authenticate_http_readonly")
    return get(
        flags.get("ip", flags["hostname"]),
        flags["port"],
        path,
        tls=_is_on(flags, "LIBPROCESS_SSL_ENABLED"),
        credential=f"file={sh(file)}; {_CREDENTIAL}" if asked else "",
    )


_CREDENTIAL = "; ".join(
    (
        r"""of() { tr -d '\n' <"$file" | grep -o "\"$1\" *: *\"[^\"]*\"" | head -n 1 | sed 's/.*: *"//; s/"$//'; }""",
        """if grep -q '^[[:space:]]*{' "$file"; then name=$(of principal) secret=$(of secret)""",
        """else read -r name secret <"$file"; fi""",
        basic('"$name:$secret"'),
    )
)
"""Reads the first credential of `$file`, which is JSON or lines, into the head of a request."""


def _is_on(flags: Mapping[str, str], name: str) -> bool:
    return flags.get(name, "").lower() in ("true", "1")
