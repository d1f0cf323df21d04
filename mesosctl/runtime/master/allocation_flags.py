"""The flags of a master about who is offered what, read as Mesos reads them. All functions raise ValueError."""

from __future__ import annotations

from mesosctl.runtime.flags.master import MasterFlags
from mesosctl.runtime.master.allocator import Options
from mesosctl.runtime.master.rate_limits import RateLimits
from mesosctl.runtime.protocol.codec import decode
from mesosctl.runtime.resources import ResourcesError, check_role


def allocation_options(flags: MasterFlags) -> Options:
    return Options(
        allocation_interval=flags.allocation_interval,
        min_allocatable=tuple(
            _amounts(alternative) for alternative in flags.min_allocatable_resources.split("|") if alternative
        ),
        filter_gpu_resources=flags.filter_gpu_resources,
        fairness_excluded=frozenset(_names(flags.fair_sharing_excluded_resource_names or "")),
        recovery_timeout=flags.allocator_recovery_timeout,
        agent_recovery_factor=flags.allocator_agent_recovery_factor,
        domain=flags.domain,
    )


def rate_limits(text: str | None) -> RateLimits | None:
    return decode(RateLimits, text.encode()) if text else None


def roles(text: str | None) -> frozenset[str] | None:
    """`a,b`: those that frameworks may have. None: any."""
    if text is None:
        return None
    names = frozenset(_names(text))
    for name in names:
        _check_role(name)
    return names


def weights(text: str | None) -> dict[str, float]:
    """`a=2,b/c=0.5`."""
    found: dict[str, float] = {}
    for pair in _names(text or ""):
        role, equals, number = pair.partition("=")
        if not equals:
            raise ValueError(f"Invalid weight: '{pair}'. --weights should be of the form 'role=weight,role=weight'")
        _check_role(role)
        found[role] = float(number)
        if not found[role] > 0:
            raise ValueError(f"Invalid weight '{number}' for role '{role}'. Weights must be positive")
    return found


def _check_role(role: str) -> None:
    try:
        check_role(role)
    except ResourcesError as error:
        raise ValueError(f"Invalid role '{role}': {error}") from None


def _amounts(text: str) -> dict[str, float]:
    """`cpus:0.01;mem:32`."""
    pairs = (part.partition(":") for part in text.split(";") if part.strip())
    return {name.strip(): float(amount) for name, _, amount in pairs}


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
