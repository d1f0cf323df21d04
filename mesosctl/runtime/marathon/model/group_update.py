"""What clients may write for a group, and what becomes of the tree.

Source: Marathon's RAML (types/group.raml) and docs/application-groups.md: a list that is given replaces what was there,
one that is left out keeps it; an app in a list is whole, not what shall change of it; ids are relative to the group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import msgspec

from mesosctl.runtime.marathon.model.app import App
from mesosctl.runtime.marathon.model.definition import GroupForm, read
from mesosctl.runtime.marathon.model.errors import InvalidJson, ValidationError, Violation
from mesosctl.runtime.marathon.model.group import Group, find_group, put
from mesosctl.runtime.marathon.model.normal import parse_app
from mesosctl.runtime.marathon.model.paths import ROOT, absolute, parent
from mesosctl.runtime.marathon.model.validation import MAX_INT, dependency_violations, id_violations, validate

Made = TypeVar("Made")
_replace = msgspec.structs.replace


class Reader(msgspec.Struct, frozen=True):
    """What depends on Marathon's flags when apps of a group are read."""

    network_name: str | None = None
    features: Collection[str] = ()


def parse_group(raw: object, *, base: str = ROOT, reader: Reader | None = None) -> Group:
    """A new group. `base`: the group that its id is relative to. Raises InvalidJson, ValidationError."""
    form = read(raw, GroupForm)
    if form.id is None:
        raise InvalidJson(Violation("/id", "error.path.missing"))
    return _updated(Group(absolute(form.id, base)), form, reader or Reader())


def update_group(root: Group, id: str, raw: object, *, reader: Reader | None = None) -> Group:
    """The tree after the change that a client asked of the group of that id, which is made if there is none.

    With `scaleBy` the instances of all apps in the group are multiplied, and nothing else is changed. `version` is not
    for here: who has the store puts the group of then. Raises InvalidJson, ValidationError.
    """
    form = read(raw, GroupForm)
    old = find_group(root, id)
    if form.scaleBy is None:
        return put(root, _updated(old or Group(id), form, reader or Reader()))
    if old is None:
        raise ValidationError(Violation("/scaleBy", f"there is no group {id}"))
    return put(root, scaled(old, form.scaleBy))


def scaled(group: Group, factor: float) -> Group:
    """The group with that many times the instances, rounded up. Raises ValidationError if they cannot be counted."""
    if not factor >= 0:
        raise ValidationError(Violation("/scaleBy", "must be at least 0"))
    if any(app.instances * factor > MAX_INT for app in group.apps.values()):
        raise ValidationError(Violation("/scaleBy", "error.max"))
    return _replace(
        group,
        apps={id: _replace(app, instances=math.ceil(app.instances * factor)) for id, app in group.apps.items()},
        groups={id: scaled(below, factor) for id, below in group.groups.items()},
    )


def _updated(old: Group, form: GroupForm, reader: Reader) -> Group:
    wrong = [*id_violations(old.id)] if old.id != ROOT else []
    fields: dict[str, Any] = {}
    if form.apps is not None:
        made = _all(form.apps, "/apps", lambda raw: _app(old, raw, reader), wrong)
        fields["apps"] = {app.id: app for app in made}
        if len(fields["apps"]) < len(made):
            wrong.append(Violation("/apps", "each id may be used once"))
    if form.groups is not None:
        groups = _all(form.groups, "/groups", lambda raw: _group(old, raw, reader), wrong)
        fields["groups"] = {group.id: group for group in groups}
        if len(fields["groups"]) < len(groups):
            wrong.append(Violation("/groups", "each id may be used once"))
    if form.dependencies is not None:
        fields["dependencies"] = tuple(sorted({absolute(id, old.id) for id in form.dependencies}))
        wrong.extend(dependency_violations(fields["dependencies"]))
    if wrong:
        raise ValidationError(*wrong)
    return _replace(old, **fields)


def _app(group: Group, raw: object, reader: Reader) -> App:
    app = parse_app(raw, base=group.id, network_name=reader.network_name)
    wrong = validate(app, features=reader.features)
    if parent(app.id) != group.id:
        wrong.append(_strange(app.id, group))
    if wrong:
        raise ValidationError(*wrong)
    before = group.apps.get(app.id)
    return _replace(app, version=before.version, versionInfo=before.versionInfo) if before else app


def _group(group: Group, raw: object, reader: Reader) -> Group:
    form = read(raw, GroupForm)
    if form.id is None:
        raise InvalidJson(Violation("/id", "error.path.missing"))
    if form.scaleBy is not None:
        raise ValidationError(Violation("/scaleBy", "is not for a group inside a group"))
    id = absolute(form.id, group.id)
    if parent(id) != group.id:
        raise ValidationError(
            Violation("/id", f"identifier {id} is not child of {group.id}. Hint: use relative paths.")
        )
    return _updated(group.groups.get(id) or Group(id), form, reader)


def _all(
    items: tuple[dict[str, Any], ...], path: str, make: Callable[[object], Made], wrong: list[Violation]
) -> list[Made]:
    """All of them, with what is wrong told of each in its place."""
    made, unreadable = [], list[Violation]()
    for i, raw in enumerate(items):
        try:
            made.append(make(raw))
        except ValidationError as error:
            wrong.extend(_inside(violation, f"{path}({i})") for violation in error.violations)
        except InvalidJson as error:
            unreadable.extend(_inside(detail, f"{path}({i})") for detail in error.details)
    if unreadable:
        raise InvalidJson(*unreadable)
    return made


def _strange(id: str, group: Group) -> Violation:
    return Violation("/id", f"identifier {id} is not child of {group.id}. Hint: use relative paths.")


def _inside(violation: Violation, path: str) -> Violation:
    return Violation(path if violation.path == "/" else path + violation.path, violation.message)
