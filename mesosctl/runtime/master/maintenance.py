"""Maintenance: when machines will be unavailable, and which are down now (Mesos' docs/maintenance.md).

A machine is draining from the moment it is in the schedule: its offers carry the unavailability, and whoever uses it
gets inverse offers. An operator then takes it down: its agents are removed, and none registers until it is up again.
A machine is the hostname and the address of its agents; both must agree.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.master.changes import Change, Record
from mesosctl.runtime.master.inverse_offers import InverseOffers
from mesosctl.runtime.master.offers import Offers
from mesosctl.runtime.master.records import Agent
from mesosctl.runtime.master.registrar import Kind
from mesosctl.runtime.master.state import State, machine_key
from mesosctl.runtime.protocol.basics import MachineID, MachineInfo
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.maintenance import ClusterStatus, Schedule, Window

_Mode = MachineInfo.Mode
_DOWN = "Operator initiated 'Machine DOWN'"


class Machine(msgspec.Struct, frozen=True):
    """A machine in the schedule."""

    info: MachineInfo
    window: int
    """Which of the schedule's windows it is in."""


MACHINES = Kind("machines", Machine)


class Maintenance:
    def __init__(
        self,
        state: State,
        offers: Offers,
        inverse_offers: InverseOffers,
        remove_agent: Callable[[Agent, str], None],
    ) -> None:
        self._state = state
        self._offers = offers
        self._inverse_offers = inverse_offers
        self._remove_agent = remove_agent
        self._machines: dict[tuple[str, str], Machine] = {}
        self._up: set[tuple[str, str]] = set()
        """Those that were in the schedule once: Mesos remembers them."""
        state.admitted.append(self._admitted)

    def recover(self) -> None:
        """What the registry held when this master was elected."""
        found = self._state.registrar.recovered(MACHINES).values()
        self._replace({machine_key(each.info.id): each for each in sorted(found, key=lambda each: each.window)})

    def schedule(self) -> Schedule:
        windows: dict[int, Window] = {}
        for machine in self._machines.values():
            assert machine.info.unavailability  # it is in a window
            window = windows.setdefault(machine.window, Window(machine.info.unavailability))
            machine_ids = (*window.machine_ids, machine.info.id)
            windows[machine.window] = msgspec.structs.replace(window, machine_ids=machine_ids)
        return Schedule(tuple(windows.values()))

    def status(self) -> ClusterStatus:
        draining, down = [], []
        for key, machine in self._machines.items():
            if machine.info.mode is _Mode.DOWN:
                down.append(machine.info.id)
                continue
            agents = [agent for agent in self._state.agents.values() if agent.machine == key]
            statuses = tuple(each for agent in agents for each in self._inverse_offers.statuses(agent.id))
            draining.append(ClusterStatus.DrainingMachine(machine.info.id, statuses))
        return ClusterStatus(tuple(draining), tuple(down))

    def update(self, schedule: Schedule) -> Change:
        """The schedule is this one now. Raises Refusal (400)."""
        new: dict[tuple[str, str], Machine] = {}
        for number, window in enumerate(schedule.windows):
            if not window.machine_ids:
                raise Refusal(400, "List of machines in the maintenance window is empty")
            if window.unavailability.duration and window.unavailability.duration.nanoseconds < 0:
                raise Refusal(400, "Unavailability 'duration' is negative")
            for machine_id in window.machine_ids:
                _check(machine_id, new)
                key = machine_key(machine_id)
                mode = self._machines[key].info.mode if key in self._machines else _Mode.DRAINING
                new[key] = Machine(MachineInfo(machine_id, mode, window.unavailability), number)
        for key, machine in self._machines.items():
            if machine.info.mode is _Mode.DOWN and key not in new:
                name = _name(machine.info.id)
                raise Refusal(400, f"Machine '{name}' is deactivated and cannot be removed from the schedule")
        return self._change(new)

    def start(self, machine_ids: tuple[MachineID, ...]) -> Change:
        """These machines go down. Raises Refusal (400)."""
        new = dict(self._machines)
        for key, machine in self._named(machine_ids, _Mode.DRAINING, "brought down"):
            new[key] = msgspec.structs.replace(machine, info=msgspec.structs.replace(machine.info, mode=_Mode.DOWN))
        return self._change(new)

    def stop(self, machine_ids: tuple[MachineID, ...]) -> Change:
        """These machines are up again, and not in the schedule any more. Raises Refusal (400)."""
        up = {key for key, _ in self._named(machine_ids, _Mode.DOWN, "brought up")}
        return self._change({key: machine for key, machine in self._machines.items() if key not in up})

    def _named(
        self, machine_ids: tuple[MachineID, ...], mode: MachineInfo.Mode, what: str
    ) -> Iterable[tuple[tuple[str, str], Machine]]:
        """The machines with these ids, which must be in that mode."""
        if not machine_ids:
            raise Refusal(400, "List of machines is empty")
        found: dict[tuple[str, str], Machine] = {}
        for machine_id in machine_ids:
            _check(machine_id, found)
            key = machine_key(machine_id)
            machine = self._machines.get(key)
            if machine is None and key not in self._up:
                raise Refusal(400, f"Machine '{_name(machine_id)}' is not part of a maintenance schedule")
            if machine is None or machine.info.mode is not mode:
                raise Refusal(400, f"Machine '{_name(machine_id)}' is not in {mode} mode and cannot be {what}")
            found[key] = machine
        return found.items()

    def _change(self, new: dict[tuple[str, str], Machine]) -> Change:
        old = self._machines
        records = [
            Record(MACHINES, "|".join(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)
        ]
        return Change(tuple(records), lambda: self._replace(new))

    def _replace(self, machines: dict[tuple[str, str], Machine]) -> None:
        self._up = (self._up | self._machines.keys()) - machines.keys()
        self._machines = machines
        self._state.down = {key for key, machine in machines.items() if machine.info.mode is _Mode.DOWN}
        for agent in [*self._state.agents.values()]:
            if agent.machine in self._state.down:
                self._state.tell(agent, internal.Refused(_DOWN))
                self._remove_agent(agent, _DOWN)
                continue
            before = agent.unavailability
            self._admitted(agent)
            if agent.unavailability != before:
                for offer in [*agent.offers.values()]:
                    self._offers.rescind(offer)
                self._offers.allocate_soon(agent.id)
        self._inverse_offers.review()

    def _admitted(self, agent: Agent) -> None:
        machine = self._machines.get(agent.machine)
        agent.unavailability = machine.info.unavailability if machine else None


def _check(machine_id: MachineID, seen: Iterable[tuple[str, str]]) -> None:
    if not machine_id.hostname and not machine_id.ip:
        raise Refusal(400, "Both 'hostname' and 'ip' for a machine are empty")
    if machine_id.ip:
        try:
            ipaddress.IPv4Address(machine_id.ip)
        except ValueError:
            raise Refusal(400, f"Failed to parse the IP '{machine_id.ip}'") from None
    if machine_key(machine_id) in seen:
        raise Refusal(400, f"Machine '{_name(machine_id)}' appears more than once in the schedule")


def _name(machine_id: MachineID) -> str:
    return msgspec.json.encode(machine_id).decode()
