"""Health checks and readiness checks, those of Marathon and those of agents."""

from __future__ import annotations

from typing import Any

import pytest

from mesosctl.runtime.marathon.core.outside import ProbeResult, Purpose
from mesosctl.runtime.marathon.core.records import Condition
from mesosctl.runtime.protocol.tasks import TaskState
from tests.unit.marathon_core import World

HTTP = {
    "protocol": "HTTP",
    "path": "/ping",
    "portIndex": 0,
    "gracePeriodSeconds": 30,
    "intervalSeconds": 10,
    "timeoutSeconds": 5,
    "maxConsecutiveFailures": 2,
    "delaySeconds": 2,
}
MESOS = {**HTTP, "protocol": "MESOS_HTTP"}
READY = {"name": "ready", "portName": "http", "path": "/ready", "intervalSeconds": 5, "timeoutSeconds": 3}


def web(**more: Any) -> dict[str, Any]:
    ports = [{"port": 0, "name": "http"}]
    return {"id": "web", "cmd": "serve", "cpus": 0.1, "mem": 32, "portDefinitions": ports, **more}


def launched(world: World, raw: dict[str, Any]) -> str:
    """The id of its only task, which runs."""
    world.put(raw)
    [task] = world.offer()
    world.status(task.task_id.value)
    return task.task_id.value


def test_a_deployment_waits_until_marathons_check_passes() -> None:
    world = World()
    launched(world, web(healthChecks=[HTTP]))
    [instance] = world.running("/web")
    assert world.outside.probes == []
    world.clock.advance(2)
    [probe] = world.outside.probes
    assert instance.task
    assert (probe.purpose, probe.protocol, probe.host) == (Purpose.HEALTH, "HTTP", "a1")
    assert (probe.port, probe.path, probe.timeout) == (instance.task.host_ports[0], "/ping", 5)
    assert world.marathon.healthy(instance) is None
    assert world.marathon.deployments

    world.answer(200)
    assert world.marathon.healthy(instance) is True
    [result] = world.marathon.health(instance)
    assert result
    assert (result.alive, result.first_success) == (True, world.clock.now())
    assert not world.marathon.deployments
    assert world.outside.kinds()[-4:] == [
        "health_status_changed_event",
        "instance_health_changed_event",
        "deployment_step_success",
        "deployment_success",
    ]
    world.clock.advance(9)
    assert not world.outside.probes
    world.clock.advance(1)
    assert len(world.outside.probes) == 1


@pytest.mark.parametrize(
    ("check", "connected", "status", "alive"),
    [
        ({}, True, 200, True),
        ({}, True, 302, True),
        ({}, True, 404, False),
        ({}, True, 500, False),
        ({}, False, None, False),
        ({"ignoreHttp1xx": True}, True, 101, None),
        ({"ignoreHttp1xx": False}, True, 101, False),
        ({"protocol": "TCP", "path": None}, True, None, True),
        ({"protocol": "TCP", "path": None}, False, None, False),
        ({"protocol": "HTTPS"}, True, 204, True),
    ],
)
def test_answers(check: dict[str, Any], connected: bool, status: int | None, alive: bool | None) -> None:
    world = World()
    launched(world, web(healthChecks=[{**HTTP, "gracePeriodSeconds": 0, **check}]))
    world.clock.advance(2)
    world.answer(status, connected=connected)
    assert world.marathon.healthy(world.running("/web")[0]) is alive


def test_failures_in_the_grace_period_do_not_count() -> None:
    world = World()
    task = launched(world, web(healthChecks=[HTTP]))
    for _ in range(3):  # at 2, 12 and 22 seconds
        world.clock.advance(10 if _ else 2)
        world.answer(500)
    assert world.marathon.health(world.running("/web")[0]) == (None,)
    world.clock.advance(10)
    world.answer(500)
    assert world.outside.kills == []
    world.clock.advance(10)
    world.answer(500)
    assert [kill[0] for kill in world.outside.kills] == [task]


def test_who_was_healthy_has_no_grace_and_is_replaced() -> None:
    world = World()
    task = launched(world, web(healthChecks=[HTTP]))
    world.clock.advance(2)
    world.answer(200)
    for _ in range(2):
        world.clock.advance(10)
        world.answer(503)
    assert [kill[0] for kill in world.outside.kills] == [task]
    kinds = world.outside.kinds()
    assert kinds.count("failed_health_check_event") == 2
    assert kinds[-1] == "unhealthy_instance_kill_event"
    [killed] = [e for e in world.outside.events if e["eventType"] == "unhealthy_instance_kill_event"]
    assert (killed["taskId"], killed["reason"]) == (task, "HTTP status 503")

    world.status(task, TaskState.TASK_KILLED)
    [waiting] = world.marathon.queue()
    assert waiting.delayed_until > 0
    world.clock.advance(1)
    [next_one] = world.offer()
    assert next_one.task_id.value.endswith("._app.2")


def test_with_no_maximum_it_is_never_killed() -> None:
    world = World()
    launched(world, web(healthChecks=[{**HTTP, "maxConsecutiveFailures": 0, "gracePeriodSeconds": 0}]))
    for _ in range(5):
        world.clock.advance(12)
        world.answer(500)
    assert world.outside.kills == []
    [result] = world.marathon.health(world.running("/web")[0])
    assert result
    assert result.consecutive_failures == 5
    assert world.marathon.deployments  # and an unhealthy app is not deployed


def test_the_check_of_an_agent() -> None:
    world = World()
    task = launched(world, web(healthChecks=[MESOS]))
    world.clock.advance(100)
    assert world.outside.probes == []
    assert world.marathon.deployments
    world.status(task, healthy=True)
    assert world.marathon.healthy(world.running("/web")[0]) is True
    assert not world.marathon.deployments
    world.status(task, healthy=False, message="it said 500")
    [result] = world.marathon.health(world.running("/web")[0])
    assert result
    assert (result.alive, result.last_failure_cause) == (False, "it said 500")
    assert world.outside.kills == []  # the agent does that
    world.status(task, TaskState.TASK_KILLED)
    assert world.conditions("/web") == [Condition.SCHEDULED]


def test_a_check_by_port() -> None:
    world = World()
    check = {key: value for key, value in HTTP.items() if key != "portIndex"}
    launched(world, web(healthChecks=[{**check, "port": 8080}]))
    world.clock.advance(2)
    assert world.outside.probes[0].port == 8080


def test_a_task_that_ended_is_not_asked_any_more() -> None:
    world = World()
    task = launched(world, web(healthChecks=[HTTP]))
    world.clock.advance(2)
    world.status(task, TaskState.TASK_FAILED)
    world.answer(200)
    world.clock.advance(100)
    assert world.outside.probes == []


def test_an_upgrade_waits_for_readiness() -> None:
    world = World()
    launched(world, web(readinessChecks=[READY]))
    assert world.marathon.deployments
    world.clock.advance(0)
    [probe] = world.outside.probes
    assert (probe.purpose, probe.path, probe.timeout) == (Purpose.READINESS, "/ready", 3)
    world.marathon.probed(probe, ProbeResult(True, 503))
    world.outside.probes.clear()
    [progress] = world.marathon.deployments
    assert [(r.name, r.ready, r.status) for r in progress.readiness] == [("ready", False, None)]
    world.clock.advance(5)
    world.answer(200)
    assert not world.marathon.deployments

    [old] = world.running("/web")
    world.clock.advance(60)
    assert not world.outside.probes
    world.put({"id": "web", "cmd": "serve 2"})
    [task] = world.offer()
    world.status(task.task_id.value)
    world.clock.advance(0)
    world.answer(500)
    assert world.outside.kills == []
    world.clock.advance(5)
    world.answer(200)
    assert old.task
    assert [kill[0] for kill in world.outside.kills] == [old.task.id]
    world.settle()
    assert not world.marathon.deployments


def test_readiness_and_health_both() -> None:
    world = World()
    checks = [{**READY, "httpStatusCodesForReady": [201], "preserveLastResponse": True}]
    launched(world, web(readinessChecks=checks, healthChecks=[HTTP]))
    world.clock.advance(2)
    world.answer(200)  # healthy; only now is it asked whether it is ready
    assert world.marathon.deployments
    world.clock.advance(0)
    [probe] = world.outside.probes
    world.outside.probes.clear()
    world.marathon.probed(probe, ProbeResult(True, 200, content_type="text/plain", body="soon"))
    [progress] = world.marathon.deployments
    assert [(r.status, r.content_type, r.body) for r in progress.readiness] == [(200, "text/plain", "soon")]
    world.clock.advance(5)
    world.answer(201)
    assert not world.marathon.deployments


def test_an_upgrade_stops_at_unhealthy_instances_and_keeps_the_old_ones() -> None:
    world = World()
    world.put(web(instances=2, healthChecks=[{**HTTP, "gracePeriodSeconds": 0}]))
    world.settle()
    world.answer(200)
    assert not world.marathon.deployments
    world.clock.advance(10)
    old = {i.id for i in world.running("/web")}
    world.put({"id": "web", "cmd": "broken"})
    for _ in range(20):
        world.settle(rounds=1)
        for probe in list(world.outside.probes):
            instance = world.marathon.instance_of(probe.task_id)
            good = instance is not None and instance.app.cmd == "serve"
            world.marathon.probed(probe, ProbeResult(True, 200 if good else 500))
        world.outside.probes.clear()
        world.clock.advance(10)
    assert world.marathon.deployments
    assert old <= {i.id for i in world.running("/web") if world.marathon.healthy(i)}


def test_the_bus_is_told_which_checks_come_and_go() -> None:
    world = World()
    world.put(web(healthChecks=[HTTP]))
    world.put({"id": "web", "healthChecks": [MESOS]}, force=True)
    world.delete("/web", force=True)
    found = [
        (event["eventType"], event["healthCheck"]["protocol"])
        for event in world.outside.events
        if event["eventType"].endswith("_health_check_event")
    ]
    assert found == [
        ("add_health_check_event", "HTTP"),
        ("remove_health_check_event", "HTTP"),
        ("add_health_check_event", "MESOS_HTTP"),
        ("remove_health_check_event", "MESOS_HTTP"),
    ]
