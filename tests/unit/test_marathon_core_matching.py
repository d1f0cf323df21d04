"""What an offer must have for an app, what is taken of it, and why it is not used."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from mesosctl.runtime.marathon.core.matching import Match, Matcher, Place
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.model import parse_app
from mesosctl.runtime.protocol.basics import DurationInfo, TimeInfo, Unavailability
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.resources import Form, Resources
from tests.unit.marathon_core import offer

NOW = 1000.0
APP: dict[str, Any] = {"id": "a", "cmd": "x", "cpus": 1, "mem": 100}


def match(raw: dict[str, Any], of: Offer, options: Options | None = None) -> Match | tuple[str, ...]:
    return Matcher(options or Options(), Random(1)).match(parse_app({**APP, **raw}), Place.of(of), (), NOW)


@pytest.mark.parametrize(
    ("app", "resources", "reasons"),
    [
        ({}, "cpus:1;mem:100;ports:[1-1]", None),
        ({}, "cpus:0.9;mem:100;ports:[1-1]", "InsufficientCpus"),
        ({}, "cpus:1;mem:99;ports:[1-1]", "InsufficientMemory"),
        ({"disk": 5}, "cpus:1;mem:100;disk:4;ports:[1-1]", "InsufficientDisk"),
        ({"gpus": 1}, "cpus:1;mem:100;ports:[1-1]", "InsufficientGpus"),
        ({}, "cpus:1;mem:100", "InsufficientPorts"),
        ({"portDefinitions": []}, "cpus:1;mem:100", None),
        ({"disk": 5}, "cpus:0.5;mem:1", "InsufficientCpus InsufficientMemory InsufficientDisk InsufficientPorts"),
        ({}, "cpus(r):1;mem(r):100;ports(r):[1-1]", None),
        ({}, "cpus:0.5;cpus(r):0.5;mem:100;ports:[1-1]", None),
        ({"acceptedResourceRoles": ["*"]}, "cpus(r):1;mem:100;ports:[1-1]", "InsufficientCpus"),
        (
            {"acceptedResourceRoles": ["r"]},
            "cpus:1;mem:100;ports:[1-1]",
            "UnfulfilledRole InsufficientCpus InsufficientMemory InsufficientPorts",
        ),
        ({"ports": [80, 81], "requirePorts": True}, "cpus:1;mem:100;ports:[80-81]", None),
        ({"ports": [80, 82], "requirePorts": True}, "cpus:1;mem:100;ports:[80-81]", "InsufficientPorts"),
        ({"ports": [80, 82]}, "cpus:1;mem:100;ports:[1-2]", None),
        ({"constraints": [["hostname", "LIKE", "b"]]}, "cpus:1;mem:100;ports:[1-1]", "UnfulfilledConstraint"),
    ],
)
def test_what_must_be_there(app: dict[str, Any], resources: str, reasons: str | None) -> None:
    found = match(app, offer(resources=resources), Options(role="r"))
    if reasons is None:
        assert isinstance(found, Match)
    else:
        assert " ".join(map(str, found)) == reasons


def test_what_is_reserved_is_taken_first() -> None:
    found = match({"portDefinitions": []}, offer(resources="cpus:4;cpus(r):0.6;mem:200"), Options(role="r"))
    assert isinstance(found, Match)
    assert found.resources == Resources.parse("cpus(r):0.6;cpus:0.4;mem:100").messages(Form.SIMPLE)
    assert found.left.scalar("cpus", 3.6, ("*", "r"))


def test_dynamic_reservations_are_left_to_those_who_made_them() -> None:
    reservation = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role="r", principal="p")
    resources = tuple(
        msgspec.structs.replace(resource, reservations=(reservation,), role=None)
        for resource in offer(resources="cpus:4;mem:400").resources
    )
    found = match({"portDefinitions": []}, msgspec.structs.replace(offer(), resources=resources), Options(role="r"))
    assert isinstance(found, tuple)
    assert found[0] == "UnfulfilledRole"


def test_ports_are_as_asked_and_none_is_given_twice() -> None:
    mappings = [
        {"containerPort": 80, "hostPort": 0},
        {"containerPort": 81, "hostPort": 31001},
        {"containerPort": 82, "hostPort": 0},
    ]
    raw = {
        "networks": [{"mode": "container/bridge"}],
        "container": {"type": "DOCKER", "docker": {"image": "i"}, "portMappings": mappings},
    }
    found = match(raw, offer(resources="cpus:1;mem:100;ports:[31000-31002]"))
    assert isinstance(found, Match)
    assert found.ports[1] == 31001
    assert sorted(port for port in found.ports if port) == [31000, 31001, 31002]


def test_a_mapping_without_a_host_port_takes_none() -> None:
    raw = {
        "networks": [{"mode": "container", "name": "n"}],
        "container": {"type": "DOCKER", "docker": {"image": "i"}, "portMappings": [{"containerPort": 80}]},
    }
    found = match(raw, offer(resources="cpus:1;mem:100"))
    assert isinstance(found, Match)
    assert found.ports == (None,)


@pytest.mark.parametrize(
    ("begins", "lasts", "used"), [(-10, None, False), (-10, 20, False), (-10, 5, True), (10, None, True)]
)
def test_an_agent_in_maintenance_is_not_used(begins: float, lasts: float | None, used: bool) -> None:
    away = Unavailability(
        TimeInfo(int((NOW + begins) * 1e9)), DurationInfo(int(lasts * 1e9)) if lasts is not None else None
    )
    found = match({}, offer(unavailability=away))
    assert isinstance(found, Match) if used else found == ("AgentMaintenance",)


@pytest.mark.parametrize(
    ("app", "policy", "used"),
    [
        ({}, "restricted", False),
        ({"gpus": 1}, "restricted", True),
        ({}, "unrestricted", True),
        ({"labels": {"GPU_SCHEDULING_BEHAVIOR": "unrestricted"}}, "restricted", True),
    ],
)
def test_agents_with_gpus(app: dict[str, Any], policy: str, used: bool) -> None:
    of = offer(resources="cpus:1;mem:100;gpus:2;ports:[1-1]")
    found = match(app, of, Options(gpu_policy=policy))
    assert isinstance(found, Match) if used else found == ("DeclinedScarceResources",)


@pytest.mark.parametrize(
    ("constraints", "region", "used"),
    [
        ([], "home", True),
        ([], "far", False),
        ([["@region", "IS", "far"]], "far", True),
        ([["@region", "IS", "far"]], "home", False),
        ([["@region", "IS", "far"], ["@zone", "IS", "z1"]], "far", True),
        ([["@region", "IS", "far"], ["@zone", "IS", "z2"]], "far", False),
    ],
)
def test_another_region_is_used_only_by_those_who_say_so(constraints: list[list[str]], region: str, used: bool) -> None:
    matcher = Matcher(Options(), Random(1))
    matcher.region = "home"
    app = parse_app({**APP, "constraints": constraints})
    found = matcher.match(app, Place.of(offer(domain=(region, "z1"))), (), NOW)
    assert isinstance(found, Match) if used else found == ("UnfulfilledConstraint",)


def test_an_app_with_persistent_volumes_is_not_run_without_them() -> None:
    volume = {"containerPath": "data", "mode": "RW", "persistent": {"size": 10001}}
    found = match({"container": {"type": "MESOS", "volumes": [volume]}}, offer())
    assert found == ("InsufficientDisk",)
