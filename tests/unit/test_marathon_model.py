"""Definitions as clients send them, and what becomes of them: one small file a case under `marathon/`.

What is expected of an app is what differs from the output of the least app (`marathon/default.json`), null being a
field that is not there: so each file says all of it, shortly. A new case needs no code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesosctl.runtime.marathon.model import (
    App,
    Group,
    InvalidJson,
    ValidationError,
    Violation,
    app_json,
    dependency_order,
    needs_restart,
    only_scales,
    parse_app,
    parse_group,
    parse_pod,
    pod_json,
    update_app,
    update_group,
    validate,
    validate_group,
    validate_pod,
)

CASES = Path(__file__).parent / "marathon"
DEFAULT = json.loads((CASES / "default.json").read_text())

Json = dict[str, Any]


def cases(folder: str) -> list[Any]:
    paths = sorted((CASES / folder).glob("*.json"))
    assert paths
    return [pytest.param(json.loads(path.read_text()), id=path.stem) for path in paths]


def differing(app: Json) -> Json:
    """What of an app is not as by default."""
    names = dict.fromkeys([*DEFAULT, *app])
    return {name: app.get(name) for name in names if app.get(name) != DEFAULT.get(name)}


@pytest.mark.parametrize("case", cases("apps"))
def test_app(case: Json) -> None:
    app = parse_app(case["input"], network_name=case.get("network_name"))
    assert validate(app, features=case.get("features", ())) == []
    assert differing(app_json(app)) == case["expected"]
    again = parse_app(app_json(app))
    assert again == app
    assert msgspec.json.decode(msgspec.json.encode(app), type=App) == app
    assert json.loads(json.dumps(app_json(app))) == app_json(again)


def refusal(read: Callable[[], Any], check: Callable[[Any], list[Violation]]) -> Json:
    """The body that a client gets."""
    try:
        made = read()
    except (InvalidJson, ValidationError) as error:
        return error.body()
    return ValidationError(*check(made)).body()


@pytest.mark.parametrize("case", cases("wrong_apps"))
def test_wrong_app(case: Json) -> None:
    assert refusal(lambda: parse_app(case["input"]), validate) == case["expected"]
    assert case["expected"]["details"]


def meaning(old: App, new: App) -> str:
    if only_scales(old, new):
        return "scales"
    return "restarts" if needs_restart(old, new) else "nothing"


def updated(case: Json) -> Json:
    old = parse_app(case["app"])
    try:
        new = update_app(old, case["update"], partial=case.get("partial", True))
    except (InvalidJson, ValidationError) as error:
        return {"refused": error.body()}
    if wrong := validate(new):
        return {"refused": ValidationError(*wrong).body()}
    before, after = app_json(old), app_json(new)
    names = dict.fromkeys([*before, *after])
    changes = {name: after.get(name) for name in names if before.get(name) != after.get(name)}
    return {"changes": changes, "means": meaning(old, new)}


@pytest.mark.parametrize("case", cases("updates"))
def test_update(case: Json) -> None:
    assert updated(case) == case["expected"]


def outline(group: Group) -> Json:
    """What of a tree the cases are about."""
    found: Json = {
        id: {"instances": app.instances, "cmd": app.cmd, "dependencies": list(app.dependencies)}
        for id, app in group.apps.items()
    }
    for below in group.groups.values():
        found[below.id + "/"] = {"dependencies": list(below.dependencies), **outline(below)}
    return found


def regrouped(case: Json) -> Json:
    try:
        root = update_group(parse_group(case["root"]), case["id"], case["update"])
    except (InvalidJson, ValidationError) as error:
        return {"refused": error.body()}
    if wrong := validate_group(root):
        return {"refused": ValidationError(*wrong).body()}
    return {"root": outline(root), "order": [list(together) for together in dependency_order(root)]}


@pytest.mark.parametrize("case", cases("groups"))
def test_group(case: Json) -> None:
    assert regrouped(case) == case["expected"]


def podded(case: Json) -> Json:
    try:
        pod = parse_pod(case["input"], network_name=case.get("network_name"))
    except InvalidJson as error:
        return {"refused": error.body()}
    if wrong := validate_pod(pod):
        return {"refused": ValidationError(*wrong).body()}
    assert parse_pod(pod_json(pod)) == pod
    return {"pod": pod_json(pod)}


@pytest.mark.parametrize("case", cases("pods"))
def test_pod(case: Json) -> None:
    assert podded(case) == case["expected"]
