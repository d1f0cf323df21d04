"""Messages and calls as words in the trace of a run."""

from __future__ import annotations

from mesosctl.runtime import internal
from mesosctl.runtime.protocol.scheduler import Call


def brief(detail: object) -> str:
    match detail:
        case internal.Message():
            return _message(detail)
        case Call():
            return _call(detail)
    return str(detail)


def _message(message: internal.Message) -> str:
    name = type(message).__name__
    match message:
        case internal.StatusUpdate():
            status = message.status
            return f"{name} {status.task_id.value} {status.state} {status.uuid.hex()[:6] if status.uuid else ''}"
        case internal.RunTasks():
            return f"{name} {' '.join(task.task_id.value for task in message.tasks)}"
        case internal.KillTask() | internal.Acknowledge():
            uuid = message.uuid.hex()[:6] if isinstance(message, internal.Acknowledge) else ""
            return f"{name} {message.task_id.value} {uuid}"
        case internal.Register():
            tasks = " ".join(f"{each.task.task_id.value}:{each.status.state}" for each in message.tasks)
            return f"{name} {message.agent.id and message.agent.id.value} {tasks}"
        case internal.Registered():
            return f"{name} {message.agent_id.value}"
        case internal.Refused():
            return f"{name}: {message.reason}"
    return name


def _call(call: Call) -> str:
    if call.accept:
        names = [
            task.task_id.value for each in call.accept.operations if each.launch for task in each.launch.task_infos
        ]
        names += [
            task.task_id.value
            for each in call.accept.operations
            if each.launch_group
            for task in each.launch_group.task_group.tasks
        ]
        return f"ACCEPT {call.accept.offer_ids[0].value} {[each.type.value for each in call.accept.operations]} {names}"
    if call.acknowledge:
        return f"ACKNOWLEDGE {call.acknowledge.task_id.value} {call.acknowledge.uuid.hex()[:6]}"
    if call.kill:
        return f"KILL {call.kill.task_id.value}"
    return str(call.type)
