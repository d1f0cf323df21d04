"""One stage of a run: in which order its hosts are taken through it.

All at once; or one before the others, which stay as they are if it does not come up; or, for the members of one
service, one restart at a time (see `mesosctl.engine.rolling`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mesosctl.engine import rolling
from mesosctl.engine.run import Run
from mesosctl.inventory.model import Host, Role
from mesosctl.resources.program import Mode
from mesosctl.resources.types import Resource, Service
from mesosctl.transport.errors import TransportError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Resources by host name, in the order in which they are reached."""

    run: Run
    name: str
    resources: Mapping[str, Sequence[Resource]]
    mode: Mode
    last: bool
    """The hosts' locks are given back in the same round trip."""

    def take(self, *, voters: Role | None = None, in_turn: Role | None = None, canary: bool = False) -> None:
        """Take the run's hosts through it.

        `voters` names the role whose hosts are members of one voting service: those are restarted one at a time, and
        so are those of `in_turn`, which need no majority. With `canary` one host is restarted before all others.
        """
        hosts = [host for host in self.run.alive if self.resources.get(host.name)]
        restarts = self.mode.write and not self.mode.unset
        role = voters or in_turn
        if role and restarts:
            self._in_turn(hosts, role, quorum=voters is not None)
        elif canary and restarts and len(hosts) > 1:
            self._after_canary(hosts)
        else:
            self._at_once(hosts)

    def _at_once(self, hosts: Sequence[Host]) -> None:
        def apply(host: Host) -> None:
            self.run.apply(host, self.name, self.resources[host.name], self.mode, unlock=self.last)

        self.run.on_hosts(self.name, hosts, apply)

    def _after_canary(self, hosts: Sequence[Host]) -> None:
        members = self._look(hosts)
        first, others = rolling.canary(members)
        self._at_once([host for host in self.run.alive if host.name in first])
        failed = self._did_not_come_back(first, members)
        waiting = [host for host in self.run.alive if host.name in others]
        if not failed:
            self._at_once(waiting)
            return
        for host in waiting:
            self.run.fail(host, self.name, rolling.held_back(failed))

    def _in_turn(self, hosts: Sequence[Host], role: Role, *, quorum: bool) -> None:
        members = self._look(hosts)
        self._look_beyond(role, members)
        ensemble = len(self.run.cluster.with_role(role))
        mine = {host.name: host for host in self.run.alive if host in hosts}
        together, in_turn = rolling.order(members, rolling.majority(ensemble) if quorum else 0)
        self._at_once([mine[name] for name in together if name in mine])
        for name in mine.keys() & set(together):
            members[name] = replace(members[name], mode="follower" if self.run.is_alive(name) else "")
        failed = self._did_not_come_back([name for name in together if name in mine], members)
        for name in in_turn:
            failure = rolling.held_back(failed) if failed else None
            if quorum and not failure:
                failure = rolling.unsafe(name, members, ensemble)
            if failure:
                self.run.fail(mine[name], self.name, failure)
                continue
            self._at_once([mine[name]])
            if not self.run.is_alive(name):
                members[name] = replace(members[name], mode="")
                failed = failed or name

    def _look(self, hosts: Sequence[Host]) -> dict[str, rolling.Member]:
        """What a dry run finds that is no part of the report, in the order of the hosts."""
        members: dict[str, rolling.Member] = {}

        def look(host: Host) -> None:
            self.run.at(host, self.name)
            members[host.name] = rolling.member(self.run.look(host, self.resources[host.name]))

        self.run.on_hosts(self.name, hosts, look, told=False)
        return {host.name: members[host.name] for host in hosts if host.name in members}

    def _look_beyond(self, role: Role, members: dict[str, rolling.Member]) -> None:
        """Ask the members outside of this run's hosts what they are; one that cannot be asked does not serve."""
        items = [item for each in self.resources.values() for item in each]
        services = [item for item in items if isinstance(item, Service) and item.member]
        for host in self.run.cluster.with_role(role):
            if host.name in self.run.report.hosts or not services:
                continue
            try:
                look = self.run.look(host, services[:1])
            except TransportError:
                continue
            members[host.name] = rolling.Member(rolling.member(look).mode, restarts=False)

    def _did_not_come_back(self, names: Sequence[str], members: Mapping[str, rolling.Member]) -> str:
        """The first of some hosts that was restarted and failed, "" where none has."""
        return next((name for name in names if members[name].restarts and not self.run.is_alive(name)), "")
