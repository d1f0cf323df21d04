"""Pods as clients read them: their status, and that of their instances and containers.

Source: Marathon's RAML, types/podStatus.raml.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from mesosctl.runtime.marathon.core.marathon import Marathon
from mesosctl.runtime.marathon.core.matching import shares_of
from mesosctl.runtime.marathon.core.records import Condition, Goal, Instance, TaskRecord
from mesosctl.runtime.marathon.core.versions import seconds, version_text
from mesosctl.runtime.marathon.model import Pod, config_version, pod_json
from mesosctl.runtime.marathon.model.pod import PodContainer
from mesosctl.runtime.protocol.tasks import TaskState

Json = dict[str, Any]

_STATES = {Condition.PROVISIONED: "TASK_STAGING", Condition.UNREACHABLE_INACTIVE: "TASK_UNREACHABLE"}
"""Those that are not called after the condition."""
_RESOURCES = ("cpus", "mem", "disk", "gpus")
_STAGING = frozenset({Condition.PROVISIONED, Condition.STAGING, Condition.STARTING})
PATH = "/v2/pods"


def pod_status(marathon: Marathon, pod: Pod, failure: Json | None) -> Json:
    """`failure`: what was last told of a task of it that failed."""
    instances = marathon.instances(pod.id)
    views = [instance_status(marathon, each) for each in instances]
    current = [
        view["status"] == "STABLE" and config_version(each.app) == config_version(pod)
        for each, view in zip(instances, views, strict=True)
    ]
    view: Json = {
        "id": pod.id,
        "spec": pod_json(pod),
        "status": "STABLE" if sum(current) >= pod.instances and len(current) == pod.instances else "DEGRADED",
        "instances": views,
        "terminationHistory": [_termination(failure)] if failure else [],
    }
    changed = max([seconds(pod.version), *(each.since for each in instances)])
    return {**view, **_times(changed), "lastChanged": version_text(changed)}


def instance_status(marathon: Marathon, instance: Instance) -> Json:
    pod = instance.app
    assert isinstance(pod, Pod)
    view: Json = {
        "id": instance.id,
        "status": _state(marathon, instance),
        "conditions": [],
        "specReference": f"{PATH}{pod.id}::versions/{pod.version}",
        "resources": _resources(pod),
        "containers": [
            _container(container, task)
            for task in instance.tasks
            for container in pod.containers
            if container.name == task.container
        ],
    }
    if instance.agent:
        view["agentHostname"] = instance.agent.host
        view["agentId"] = instance.agent.id
        view["agent"] = instance.agent.id
        if instance.agent.region is not None:
            view["agentRegion"] = instance.agent.region
        if instance.agent.zone is not None:
            view["agentZone"] = instance.agent.zone
    if networks := _networks(instance.tasks):
        view["networks"] = networks
    if volumes := instance.reservation.volumes if instance.reservation else ():
        view["localVolumes"] = [{"name": each.path, "persistenceId": each.id} for each in volumes]
    if message := next((text for task in instance.tasks if (text := _message(task))), None):
        view["message"] = message
    return {**view, **_times(instance.since), "lastChanged": version_text(instance.since)}


def _state(marathon: Marathon, instance: Instance) -> str:
    if instance.goal is not Goal.RUNNING or instance.condition is Condition.KILLING:
        return "TERMINAL"
    if instance.task is None:
        return "PENDING"
    if instance.condition in _STAGING:
        return "STAGING"
    if instance.condition is not Condition.RUNNING:
        return "DEGRADED"
    return "STABLE" if not instance.app.checked or marathon.healthy(instance) else "DEGRADED"


def _container(container: PodContainer, task: TaskRecord) -> Json:
    healthy = task.status.healthy if task.status else None
    endpoints = []
    for endpoint, port in zip(container.endpoints, task.ports, strict=True):
        shown: Json = {"name": endpoint.name}
        if port is not None:
            shown["allocatedHostPort"] = port
        if container.healthCheck is not None and healthy is not None:
            shown["healthy"] = healthy
        endpoints.append(shown)
    view: Json = {
        "name": container.name,
        "status": _STATES.get(task.condition, f"TASK_{task.condition.value.upper()}"),
        "containerId": task.id,
        "endpoints": endpoints,
        "conditions": [],
    }
    if container.healthCheck is not None and healthy is not None:
        condition = {"name": "healthy", "value": str(healthy).lower(), "reason": "health-reported-by-mesos"}
        view["conditions"] = [{**condition, "lastChanged": _told(task), "lastUpdated": _told(task)}]
    view["resources"] = {name: _number(float(getattr(container.resources, name))) for name in _RESOURCES}
    if message := _message(task):
        view["message"] = message
    if task.condition.terminal:
        view["termination"] = {"message": _message(task) or ""}
    return {**view, **_times(task.since), "lastChanged": version_text(task.since)}


def _message(task: TaskRecord) -> str | None:
    """What an agent says of it, where it does not simply run."""
    if task.status is None or task.status.state is TaskState.TASK_RUNNING:
        return None
    return task.status.message or None


def _told(task: TaskRecord) -> str:
    at = task.status.timestamp if task.status else None
    return version_text(task.since if at is None else at)


def _networks(tasks: Sequence[TaskRecord]) -> list[Json]:
    """Those that the containers share."""
    networks: dict[str | None, list[str]] = {}
    for task in tasks:
        container = task.status.container_status if task.status else None
        for info in container.network_infos if container else ():
            known = networks.setdefault(info.name, [])
            known += [ip for each in info.ip_addresses if (ip := each.ip_address) and ip not in known]
    return [
        {**({"name": name} if name else {}), "addresses": addresses}
        for name, addresses in networks.items()
        if addresses
    ]


def _resources(pod: Pod) -> Json:
    shares = shares_of(pod)
    return {name: _number(sum(float(getattr(share, name)) for share in shares)) for name in _RESOURCES}


def _number(value: float) -> float:
    rounded = round(value, 3)
    return int(rounded) if rounded.is_integer() else rounded


def _termination(failure: Json) -> Json:
    return {
        "instanceID": failure["taskId"].rsplit(".", 2)[0],
        "terminatedAt": failure["timestamp"],
        "message": failure["message"] or failure["state"],
    }


def _times(since: float) -> Json:
    return {"statusSince": version_text(since), "lastUpdated": version_text(time.time())}
