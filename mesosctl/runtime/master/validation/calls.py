"""Whether a scheduler call is complete: its type, its framework id, and the field that belongs to its type."""

from __future__ import annotations

from mesosctl.runtime.protocol.scheduler import Call

_WITHOUT_FIELD = frozenset({Call.Type.TEARDOWN, Call.Type.REVIVE, Call.Type.SUPPRESS})
_UUID_BYTES = 16


def problem_of_call(call: Call) -> str | None:
    """What is wrong with the call, or None."""
    if call.type is None or call.type is Call.Type.UNKNOWN:
        return "Expecting 'type' to be present"
    field = call.type.value.lower()
    if call.type is Call.Type.SUBSCRIBE:
        if call.subscribe is None:
            return "Expecting 'subscribe' to be present"
        if _value(call.framework_id) != _value(call.subscribe.framework_info.id):
            return "'framework_id' differs from 'subscribe.framework_info.id'"
        return None
    if call.framework_id is None:
        return "Expecting 'framework_id' to be present"
    if call.type not in _WITHOUT_FIELD and getattr(call, field) is None:
        return f"Expecting '{field}' to be present"
    if call.acknowledge and call.type is Call.Type.ACKNOWLEDGE and len(call.acknowledge.uuid) != _UUID_BYTES:
        return "Not a valid UUID"
    update = call.update_framework if call.type is Call.Type.UPDATE_FRAMEWORK else None
    if update and _value(call.framework_id) != _value(update.framework_info.id):
        return "'framework_id' differs from 'update_framework.framework_info.id'"
    return None


def _value(identifier: object) -> str:
    return getattr(identifier, "value", "")
