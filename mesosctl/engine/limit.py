"""`--limit`: restricts a run to hosts, roles or stages.

A limit is a comma-separated list of host names (`m1`, with `*` and `?` as in the shell), role names (`agent`) and
stage names (`proxy`); several of one kind add up, kinds narrow each other.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mesosctl.errors import UsageError
from mesosctl.inventory.model import Cluster, Host, Role


@dataclass(frozen=True, slots=True)
class Limit:
    """What a run is restricted to: hosts of the cluster, and names of stages (None: all)."""

    hosts: tuple[Host, ...]
    stages: frozenset[str] | None


def parse(words: Iterable[str], cluster: Cluster, stages: Sequence[str] = ()) -> Limit:
    """The limit that `words` (each a comma-separated list) describe; UsageError for a name that is nothing."""
    names = [name.strip() for word in words for name in word.split(",") if name.strip()]
    roles = {"slave": Role.AGENT, **{role.value: role for role in Role}}
    wanted_hosts: set[str] = set()
    wanted_roles: set[Role] = set()
    wanted_stages: set[str] = set()
    for name in names:
        matching = {host.name for host in cluster.hosts if fnmatchcase(host.name, name)}
        if matching:
            wanted_hosts |= matching
        elif name in roles:
            wanted_roles.add(roles[name])
        elif name in stages:
            wanted_stages.add(name)
        else:
            known = [*(host.name for host in cluster.hosts), *roles, *stages]
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            kinds = "host, role or stage" if stages else "host or role"
            raise UsageError(f"--limit: {name} is no {kinds}", fix=f"{hint}Known: {', '.join(known)}")
    hosts = [host for host in cluster.hosts if not wanted_hosts or host.name in wanted_hosts]
    hosts = [host for host in hosts if not wanted_roles or host.roles & wanted_roles]
    if not hosts:
        raise UsageError(f"--limit {','.join(names)}: no host is left")
    return Limit(hosts=tuple(hosts), stages=frozenset(wanted_stages) or None)
