"""The events on Marathon's bus, after its docs/event-bus.md.

`original` and `target` of a plan are given as the Groups they are: who sends an event on writes them with `group_json`,
or leaves them out (`plan-format=light`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from mesosctl.runtime.marathon.core.records import Condition, Deployment, Instance, Step
from mesosctl.runtime.marathon.core.versions import version_text
from mesosctl.runtime.marathon.model import App, HealthCheck, find_app
from mesosctl.runtime.protocol.tasks import TaskStatus

Event = dict[str, Any]


def status_update(instance: Instance, task_id: str, status: TaskStatus) -> Event:
    task = next((task for task in instance.tasks if task.id == task_id), None)
    infos = status.container_status.network_infos if status.container_status else ()
    return {
        "slaveId": status.agent_id.value if status.agent_id else (instance.agent.id if instance.agent else ""),
        "taskId": task_id,
        "taskStatus": status.state.value,
        "message": status.message or "",
        "appId": instance.app_id,
        "host": instance.agent.host if instance.agent else "",
        "ipAddresses": [
            {"ipAddress": address.ip_address, "protocol": address.protocol.value}
            for info in infos
            for address in info.ip_addresses
        ],
        "ports": list(task.host_ports) if task else [],
        "version": instance.app.version,
        "eventType": "status_update_event",
    }


def instance_changed(instance: Instance) -> Event:
    return {
        "instanceId": instance.id,
        "condition": instance.condition.value,
        "goal": instance.goal.value,
        "runSpecId": instance.app_id,
        "agentId": instance.agent.id if instance.agent else None,
        "host": instance.agent.host if instance.agent else None,
        "runSpecVersion": instance.app.version,
        "eventType": "instance_changed_event",
    }


def unknown_instance_terminated(instance_id: str, app_id: str, condition: Condition) -> Event:
    return {
        "instanceId": instance_id,
        "runSpecId": app_id,
        "condition": condition.value,
        "eventType": "unknown_instance_terminated_event",
    }


def instance_health_changed(instance: Instance, healthy: bool | None) -> Event:
    return {
        "instanceId": instance.id,
        "runSpecId": instance.app_id,
        "healthy": healthy,
        "runSpecVersion": instance.app.version,
        "eventType": "instance_health_changed_event",
    }


def health_status_changed(instance: Instance, alive: bool) -> Event:
    return {
        "appId": instance.app_id,
        "taskId": instance.task_id,
        "instanceId": instance.id,
        "version": instance.app.version,
        "alive": alive,
        "eventType": "health_status_changed_event",
    }


def failed_health_check(instance: Instance, check: HealthCheck) -> Event:
    return {
        "appId": instance.app_id,
        "taskId": instance.task_id,
        "instanceId": instance.id,
        "healthCheck": msgspec.to_builtins(check),
        "eventType": "failed_health_check_event",
    }


def health_check(app: App, check: HealthCheck, *, added: bool) -> Event:
    return {
        "appId": app.id,
        "version": app.version,
        "healthCheck": msgspec.to_builtins(check),
        "eventType": "add_health_check_event" if added else "remove_health_check_event",
    }


def changed_checks(deployment: Deployment) -> Iterator[Event]:
    """The checks that a deployment takes away from apps, and those that it adds."""
    for app_id in deployment.affected:
        before, after = find_app(deployment.original, app_id), find_app(deployment.target, app_id)
        old = before.healthChecks if before else ()
        new = after.healthChecks if after else ()
        for app, checks, others, added in ((before, old, new, False), (after, new, old, True)):
            for check in checks:
                if app and check not in others:
                    yield health_check(app, check, added=added)


def unhealthy_kill(instance: Instance, reason: str) -> Event:
    return {
        "appId": instance.app_id,
        "taskId": instance.task_id,
        "instanceId": instance.id,
        "version": instance.app.version,
        "reason": reason,
        "host": instance.agent.host if instance.agent else "",
        "slaveId": instance.agent.id if instance.agent else None,
        "eventType": "unhealthy_instance_kill_event",
    }


def app_terminated(app_id: str) -> Event:
    return {"appId": app_id, "eventType": "app_terminated_event"}


def group_change_success(group_id: str, version: str) -> Event:
    return {"groupId": group_id, "version": version, "eventType": "group_change_success"}


def deployment_info(deployment: Deployment, step: Step) -> Event:
    return {"plan": _plan(deployment), "currentStep": _step(step), "eventType": "deployment_info"}


def deployment_step_success(deployment: Deployment, step: Step) -> Event:
    return {"plan": _plan(deployment), "currentStep": _step(step), "eventType": "deployment_step_success"}


def deployment_step_failure(deployment: Deployment, step: Step) -> Event:
    return {"plan": _plan(deployment), "currentStep": _step(step), "eventType": "deployment_step_failure"}


def deployment_success(deployment: Deployment) -> Event:
    return {"id": deployment.id, "plan": _plan(deployment), "eventType": "deployment_success"}


def deployment_failed(deployment: Deployment, reason: str) -> Event:
    return {"id": deployment.id, "plan": _plan(deployment), "reason": reason, "eventType": "deployment_failed"}


def _step(step: Step) -> dict[str, Any]:
    return {"actions": [action.json() for action in step.actions]}


def _plan(deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.id,
        "original": deployment.original,
        "target": deployment.target,
        "steps": [_step(step) for step in deployment.steps],
        "version": deployment.version,
    }


def stamped(event: Event, now: float) -> Event:
    return {**event, "timestamp": version_text(now)}
