"""Whether an agent may go on as the one that it was, when its flags have changed: `--reconfiguration_policy`.

The rules are Apache Mesos' (src/slave/compatibility.cpp).
"""

from __future__ import annotations

import msgspec

from mesosctl.runtime.protocol.cluster import AgentInfo
from mesosctl.runtime.protocol.resources import Attribute, Value
from mesosctl.runtime.resources import Resources
from mesosctl.runtime.resources.amounts import Amount, Ranges, covers, scalar_text
from mesosctl.runtime.views import attributes_view

EQUAL, ADDITIVE = "equal", "additive"
POLICIES = (EQUAL, ADDITIVE)


def incompatible(policy: str, previous: AgentInfo, current: AgentInfo) -> str | None:
    """Why `current` may not take over from `previous`; None where it may. The ids are not compared."""
    return _different(previous, current) if policy == EQUAL else _less(previous, current)


def _different(previous: AgentInfo, current: AgentInfo) -> str | None:
    before, now = _comparable(previous), _comparable(current)
    if before == now and _attributes(previous) == _attributes(current):
        return None
    changes = [f"{name}: {_text(before[name])} -> {_text(now[name])}" for name in before if before[name] != now[name]]
    if _attributes(previous) != _attributes(current):
        names = (_json(attributes_view(info.attributes)) for info in (previous, current))
        changes.append(f"attributes: {' -> '.join(names)}")
    if _less(previous, current) is None:
        changes.append(f"Start with --reconfiguration_policy={ADDITIVE} to stay the same agent: it allows this change.")
    return "\n".join(("Incompatible agent info detected.", *changes))


def _comparable(info: AgentInfo) -> dict[str, object]:
    return {
        "hostname": info.hostname,
        "port": info.port,
        "domain": info.domain,
        "checkpoint": info.checkpoint,
        "resources": Resources.of(info.resources),
    }


def _text(value: object) -> str:
    return str(value) if isinstance(value, Resources) else _json(value)


def _attributes(info: AgentInfo) -> list[bytes]:
    return sorted(msgspec.json.encode(attribute) for attribute in info.attributes)


def _less(previous: AgentInfo, current: AgentInfo) -> str | None:
    refused = "Configuration change not permitted under `additive` policy: "
    if previous.hostname != current.hostname:
        return f"{refused}Hostname changed from {previous.hostname} to {current.hostname}"
    if previous.port != current.port:
        return f"{refused}Port changed from {previous.port} to {current.port}"
    if previous.domain and previous.domain != current.domain:
        return f"{refused}Domain changed from {_json(previous.domain)} to {_json(current.domain)}"
    have = dict(Resources.of(current.resources).items())
    for kind, amount in Resources.of(previous.resources).items():
        if kind not in have:
            return f"{refused}Resource not found: {kind.name}"
        if not covers(have[kind], amount):
            return f"{refused}{_decreased(kind.name, amount, have[kind])}"
    attributes = {attribute.name: attribute for attribute in current.attributes}
    for attribute in previous.attributes:
        if problem := _changed(attribute, attributes.get(attribute.name)):
            return f"{refused}{problem}"
    return None


def _decreased(name: str, before: Amount, now: Amount) -> str:
    if isinstance(before, int) and isinstance(now, int):
        return f"Value of scalar resource '{name}' decreased from {scalar_text(before)} to {scalar_text(now)}"
    kind = "range" if isinstance(before, Ranges) else "set"
    return f"Previous value of {kind} resource '{name}' ({before}) not included in current {now}"


def _changed(before: Attribute, now: Attribute | None) -> str | None:
    if now is None:
        return f"Couldn't find attribute {_json(before)}"
    if now.type is not before.type:
        return f"Type of attribute '{before.name}' changed from {before.type} to {now.type}"
    if before.type is Value.Type.RANGES and before.ranges and now.ranges:
        if _ranges(now.ranges) >= _ranges(before.ranges):
            return None
        return f"Previous value of ranges attribute '{before.name}' not included in current {_json(now)}"
    if before != now:
        return f"Value of {before.type.lower()} attribute '{before.name}' changed from {_json(before)} to {_json(now)}"
    return None


def _ranges(value: Value.Ranges) -> Ranges:
    return Ranges.of((each.begin, each.end) for each in value.range)


def _json(message: object) -> str:
    return msgspec.json.encode(message).decode()
