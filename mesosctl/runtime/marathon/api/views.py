"""Apps and their tasks as clients read them: definitions with what Marathon knows of their instances."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Any

from mesosctl.runtime.marathon.api.context import Context
from mesosctl.runtime.marathon.api.statistics import counts, statistics
from mesosctl.runtime.marathon.core.marathon import Marathon
from mesosctl.runtime.marathon.core.records import Condition, HealthResult, Instance, VolumeRecord
from mesosctl.runtime.marathon.core.versions import version_text
from mesosctl.runtime.marathon.model import App, Pod, app_json
from mesosctl.runtime.protocol.tasks import CheckStatusInfo

Json = dict[str, Any]

COUNTS = "counts"
TASKS = "tasks"
DEPLOYMENTS = "deployments"
READINESS = "readiness"
LAST_FAILURE = "lastTaskFailure"
STATISTICS = "taskStats"
FAILURES = "failures"

_STATES = {
    Condition.PROVISIONED: "TASK_STAGING",
    Condition.STAGING: "TASK_STAGING",
    Condition.STARTING: "TASK_STARTING",
    Condition.RUNNING: "TASK_RUNNING",
    Condition.KILLING: "TASK_KILLING",
    Condition.UNREACHABLE: "TASK_UNREACHABLE",
    Condition.UNREACHABLE_INACTIVE: "TASK_UNREACHABLE",
}


def embeds(wanted: Collection[str], prefix: str) -> set[str]:
    """What `?embed=apps.tasks` and so on ask for, without their prefix."""
    found = {each.removeprefix(prefix) for each in wanted if each.startswith(prefix)}
    if FAILURES in found:
        found |= {LAST_FAILURE, TASKS, COUNTS, DEPLOYMENTS}
    if "count" in found:
        found.add(COUNTS)
    if TASKS in found:
        found.add(DEPLOYMENTS)
    return found


def has_task(instance: Instance) -> bool:
    """Whether there is a task of it that clients may see. One that something is reserved for is as good as one."""
    if isinstance(instance.app, Pod) or instance.agent is None:
        return False
    return instance.reservation is not None or (instance.task is not None and instance.condition in _STATES)


def tasks_of(marathon: Marathon, app_id: str | None = None) -> list[Instance]:
    return [instance for instance in marathon.instances(app_id) if has_task(instance)]


def app_view(context: Context, app: App, embed: Collection[str]) -> Json:
    marathon = context.marathon
    view = app_json(app)
    instances = tasks_of(marathon, app.id)
    if COUNTS in embed:
        view |= counts(marathon, instances)
    if TASKS in embed:
        view["tasks"] = [task_view(marathon, instance) for instance in instances]
    if DEPLOYMENTS in embed:
        view["deployments"] = [{"id": id} for id in marathon.deploying(app.id)]
    if STATISTICS in embed:
        view["taskStats"] = statistics(marathon, app, instances)
    if READINESS in embed:
        view["readinessCheckResults"] = [readiness_view(result) for result in marathon.readiness(app.id)]
    if LAST_FAILURE in embed and (failure := context.archive.failures.get(app.id)):
        view["lastTaskFailure"] = failure
    return view


def task_view(marathon: Marathon, instance: Instance) -> Json:
    task, agent = instance.task, instance.agent
    assert agent is not None  # has_task
    addresses = dict.fromkeys(task.addresses) if task else ()
    volumes = instance.reservation.volumes if instance.reservation else ()
    view: Json = {
        "appId": instance.app_id,
        "host": agent.host,
        "id": instance.task_id,
        "ipAddresses": [{"ipAddress": ip, "protocol": _protocol(ip)} for ip in addresses],
        "ports": list(task.host_ports) if task else [],
        "servicePorts": list(instance.app.service_ports),
        "slaveId": agent.id,
        "state": _STATES.get(instance.condition, "TASK_KILLED"),
        "version": instance.app.version,
        "localVolumes": [_local_volume(instance.app_id, volume) for volume in volumes],
    }
    if task:
        view["stagedAt"] = version_text(task.staged_at)
    if task and task.started_at is not None:
        view["startedAt"] = version_text(task.started_at)
    if agent.region is not None:
        view["region"] = agent.region
    if agent.zone is not None:
        view["zone"] = agent.zone
    results = [health_view(instance, result) for result in marathon.health(instance) if result]
    if results:
        view["healthCheckResults"] = results
    check = task and task.status and task.status.check_status
    if check:
        view["checkResult"] = check_view(check)
    return view


def _local_volume(app_id: str, volume: VolumeRecord) -> Json:
    uuid = volume.id.rpartition("#")[2]
    return {"runSpecId": app_id, "containerPath": volume.path, "uuid": uuid, "persistenceId": volume.id}


def health_view(instance: Instance, result: HealthResult) -> Json:
    view: Json = {
        "alive": result.alive,
        "consecutiveFailures": result.consecutive_failures,
        "instanceId": instance.id,
    }
    for name, at in (
        ("firstSuccess", result.first_success),
        ("lastSuccess", result.last_success),
        ("lastFailure", result.last_failure),
    ):
        if at is not None:
            view[name] = version_text(at)
    if result.last_failure_cause:
        view["lastFailureCause"] = result.last_failure_cause
    return view


def check_view(check: CheckStatusInfo) -> Json:
    """The result of an app's `check`, as far as there is one."""
    view: Json = {}
    if check.http and check.http.status_code is not None:
        view["http"] = {"statusCode": check.http.status_code}
    if check.tcp and check.tcp.succeeded is not None:
        view["tcp"] = {"succeeded": check.tcp.succeeded}
    if check.command and check.command.exit_code is not None:
        view["exec"] = {"exitCode": check.command.exit_code}
    return view


def readiness_view(result: Any) -> Json:
    """A `core.records.ReadinessResult`."""
    view: Json = {"name": result.name, "taskId": result.task_id, "ready": result.ready}
    if result.status is not None:
        view["lastResponse"] = {
            "status": result.status,
            "contentType": result.content_type or "",
            "body": result.body or "",
        }
    return view


def _protocol(ip: str) -> str:
    try:
        return f"IPv{ipaddress.ip_address(ip).version}"
    except ValueError:
        return "IPv4"
