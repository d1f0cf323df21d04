"""`/metrics/snapshot` of a master: what dashboards and alerts lean on, by Mesos' names (docs/monitoring.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from urllib.parse import quote

from mesosctl.runtime.master.records import NOTHING, Framework
from mesosctl.runtime.master.state import State
from mesosctl.runtime.protocol.scheduler import Call, Event
from mesosctl.runtime.protocol.tasks import TaskState
from mesosctl.runtime.resources import Resources
from mesosctl.runtime.states import TERMINAL

_SCALARS = ("cpus", "gpus", "mem", "disk")
_COUNTED = (
    "recovery_slave_removals",
    "slave_registrations",
    "slave_removals",
    "slave_removals/reason_unhealthy",
    "slave_reregistrations",
    "slave_unreachable_completed",
    *(
        f"{validity}_{what}"
        for validity in ("valid", "invalid")
        for what in (
            "executor_to_framework_messages",
            "framework_to_executor_messages",
            "status_update_acknowledgements",
            "status_updates",
        )
    ),
    "messages_exited_executor",
    *(state.lower().replace("task_", "tasks_") for state in TERMINAL),
)
"""Shown from the start, as zero."""
_MESSAGES = {
    Call.Type.ACKNOWLEDGE: "status_update_acknowledgement",
    Call.Type.DECLINE: "decline_offers",
    Call.Type.KILL: "kill_task",
    Call.Type.ACCEPT: "launch_tasks",
    Call.Type.MESSAGE: "framework_to_executor",
    Call.Type.RECONCILE: "reconcile_tasks",
    Call.Type.RECONCILE_OPERATIONS: "reconcile_operations",
    Call.Type.REQUEST: "resource_request",
    Call.Type.REVIVE: "revive_offers",
    Call.Type.SUPPRESS: "suppress_offers",
    Call.Type.TEARDOWN: "unregister_framework",
}
"""The older names of calls, which Mesos counts them by."""
_SUMS = {
    "executor_to_framework": ("valid_executor_to_framework_messages", "invalid_executor_to_framework_messages"),
    "register_slave": ("slave_registrations",),
    "reregister_slave": ("slave_reregistrations",),
    "status_update": ("valid_status_updates", "invalid_status_updates"),
}
_LIVING = tuple(state for state in TaskState if state not in TERMINAL and state is not TaskState.TASK_UNKNOWN)


def metrics_view(state: State) -> dict[str, float]:
    found = chain(_cluster(state), _events(state), _resources(state), _roles(state), _work(state))
    metrics = {name: float(value) for name, value in found}
    for framework in state.frameworks.values():
        metrics |= _framework(framework)
    return metrics


def _cluster(state: State) -> Iterator[tuple[str, float]]:
    agents, frameworks = len(state.agents), len(state.frameworks)
    connected = sum(agent.connected for agent in state.agents.values())
    subscribed = sum(framework.connected for framework in state.frameworks.values())
    yield "master/elected", state.elected is not None
    yield "master/uptime_secs", state.clock.now() - state.started
    yield "master/slaves_active", connected
    yield "master/slaves_connected", connected
    yield "master/slaves_inactive", agents - connected
    yield "master/slaves_disconnected", agents - connected
    yield "master/slaves_unreachable", len(state.unreachable)
    yield "master/frameworks_active", subscribed
    yield "master/frameworks_connected", subscribed
    yield "master/frameworks_inactive", frameworks - subscribed
    yield "master/frameworks_disconnected", frameworks - subscribed
    yield "master/outstanding_offers", len(state.offers)
    tasks = Counter(task.state for task in state.tasks())
    for task_state in _LIVING:
        yield f"master/{task_state.lower().replace('task_', 'tasks_')}", tasks[task_state]


def _events(state: State) -> Iterator[tuple[str, float]]:
    """What happened since the start."""
    for name in dict.fromkeys((*_COUNTED, *state.counters)):
        yield f"master/{name}", state.counters[name]
    calls = Counter[str | None]()
    for framework in chain(state.frameworks.values(), state.completed.values()):
        calls.update({kind: count for (what, kind), count in framework.counters.items() if what == "calls"})
    for call, name in _MESSAGES.items():
        yield f"master/messages_{name}", calls[call]
    for name, counted in _SUMS.items():
        yield f"master/messages_{name}", sum(state.counters[each] for each in counted)


def _resources(state: State) -> Iterator[tuple[str, float]]:
    total = _sum(agent.total for agent in state.agents.values())
    used = _sum(framework.used for framework in state.frameworks.values())
    offered = _sum(offer.resources for offer in state.offers.values())
    for name in _SCALARS:
        for kind, has, uses in (
            ("", total.filter(lambda kind: not kind.revocable), used.filter(lambda kind: not kind.revocable)),
            ("_revocable", total.revocable(), used.revocable()),
        ):
            whole, part = has.scalar(name), uses.scalar(name)
            yield f"master/{name}{kind}_total", whole
            yield f"master/{name}{kind}_used", part
            yield f"master/{name}{kind}_percent", part / whole if whole else 0.0
    taken = (used + offered).quantities().floats()
    for name, amount in total.quantities().floats().items():
        yield f"allocator/mesos/resources/{name}/total", amount
        yield f"allocator/mesos/resources/{name}/offered_or_allocated", taken.get(name, 0.0)


def _roles(state: State) -> Iterator[tuple[str, float]]:
    """What part of the cluster a role has: of that resource of which it has most."""
    total = _sum(agent.total for agent in state.agents.values()).quantities()
    for role in dict.fromkeys(role for framework in state.frameworks.values() for role in framework.roles):
        held = state.allocator.allocated(role).quantities()
        shares = [held.get(name, 0) / amount for name, amount in total.items()]
        yield f"allocator/mesos/roles/{role}/shares/dominant", max(shares, default=0.0)


def _work(state: State) -> Iterator[tuple[str, float]]:
    """What the master's own parts do, and how long it takes."""
    timings = state.timings
    yield "allocator/mesos/allocation_runs", timings.allocation.count
    yield from timings.allocation.metrics("allocator/mesos/allocation_run_ms")
    yield from timings.allocation_latency.metrics("allocator/mesos/allocation_run_latency_ms")
    for role, active in state.allocator.filters().items():
        yield f"allocator/mesos/offer_filters/roles/{role}/active", active
    yield "registrar/queued_operations", state.registrar.queued
    yield "registrar/registry_size_bytes", state.registrar.size_bytes
    yield from timings.store.metrics("registrar/state_store_ms")
    yield from islice(timings.fetch.metrics("registrar/state_fetch_ms"), 1)


def _framework(framework: Framework) -> dict[str, float]:
    prefix = f"master/frameworks/{quote(framework.info.name, safe='')}/{framework.id}"
    counters = framework.counters
    metrics: dict[str, float] = {f"{prefix}/subscribed": float(framework.connected)}
    for what, kinds in (("calls", Call.Type), ("events", Event.Type)):
        known = [kind for kind in kinds if kind.value != "UNKNOWN"]
        metrics[f"{prefix}/{what}"] = float(sum(counters[what, kind] for kind in known))
        metrics |= {f"{prefix}/{what}/{kind.lower()}": float(counters[what, kind]) for kind in known}
    active = Counter(task.state for task in framework.tasks.values())
    active.update(task.state for task in framework.unreachable.values())
    metrics |= {f"{prefix}/tasks/active/{state.lower()}": float(active[state]) for state in _LIVING}
    for role in framework.roles:
        metrics[f"{prefix}/roles/{role}/suppressed"] = float(role in framework.suppressed)
    for state in TERMINAL:
        metrics[f"{prefix}/tasks/terminal/{state.lower()}"] = float(counters["terminal", state])
    return metrics


def _sum(parts: Iterable[Resources]) -> Resources:
    return sum(parts, NOTHING)
