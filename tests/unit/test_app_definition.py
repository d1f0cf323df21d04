"""Definitions of apps: read, compared with what runs, and edited."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mesosctl.apps.compare import differences
from mesosctl.apps.definition import named, read
from mesosctl.apps.edit import changed, diff, is_assignment
from mesosctl.errors import UsageError
from mesosctl.runtime.marathon.model import app_json, parse_app

GUIDE: dict[str, Any] = json.loads((Path(__file__).parents[2] / "examples/nginx.json").read_text())
CHECKED = {
    "id": "/checked",
    "cmd": "serve $PORT",
    "ports": [0, 8081],
    "uris": ["http://x/y.tgz"],
    "env": {"A": "b"},
    "healthChecks": [{"protocol": "MESOS_HTTP", "portIndex": 0, "path": "/up"}],
    "upgradeStrategy": {"minimumHealthCapacity": 0.5},
    "portDefinitions": None,
}


def shown(definition: dict[str, Any]) -> dict[str, Any]:
    """As Marathon shows it."""
    found: dict[str, Any] = json.loads(json.dumps(app_json(parse_app(definition))))
    return found


def write(folder: Path, text: str, name: str = "app.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


class TestRead:
    @pytest.mark.parametrize(
        ("text", "ids"),
        [
            ('{"id": "a"}', ["/a"]),
            ('[{"id": "a"}, {"id": "/b/c"}]', ["/a", "/b/c"]),
            ("id: a\n---\nid: b\n---\n", ["/a", "/b"]),
            ("- id: a\n- id: b\n", ["/a", "/b"]),
            ("{id: a, cmd: x}", ["/a"]),
            ('\ufeff\t\n{\n\t"id": "a"\n}', ["/a"]),
        ],
    )
    def test_forms(self, text: str, ids: list[str], tmp_path: Path) -> None:
        assert [named(found, None).id for found in read(write(tmp_path, text))] == ids

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('{"id": "a",\n "cmd": }', ":2:9: is no JSON"),
            ("id: a\nenv: [\n", ":3:1: is no YAML"),
            ("", "defines nothing"),
            ("just words", "definitions of apps"),
            ("cmd: x", "without an id"),
            ("id: /", "without an id"),
            ("id: 3", "without an id"),
            ("id: p\ncontainers: []", "is a pod"),
        ],
    )
    def test_mistakes_have_a_place(self, text: str, said: str, tmp_path: Path) -> None:
        path = write(tmp_path, text, "app.json" if text.startswith("{") else "app.yaml")
        with pytest.raises(UsageError) as raised:
            [named(found, None) for found in read(path)]
        assert path in str(raised.value)
        assert said in str(raised.value)

    def test_standard_input_and_another_id(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"id: a\nlabels: {since: 2026-01-31}\n")))
        (found,) = read("-")
        assert named(found, "b/c").body == {"id": "/b/c", "labels": {"since": "2026-01-31"}}

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="No such file"):
            read(str(tmp_path / "none"))

    def test_the_apps_of_a_group(self, tmp_path: Path) -> None:
        text = "id: g\napps: [{id: a}, {id: /g/b}]\ngroups: [{id: h, apps: [{id: ../c}, {id: d}]}]\n"
        (found,) = read(write(tmp_path, text))
        assert found.is_group
        assert named(found, None).app_ids == ("/g/a", "/g/b", "/g/c", "/g/h/d")


class TestCompare:
    @pytest.mark.parametrize("definition", [GUIDE, CHECKED, {"id": "/a", "cmd": "x", "constraints": []}])
    def test_nothing_differs_from_what_it_became(self, definition: dict[str, Any]) -> None:
        definition = {name: value for name, value in definition.items() if value is not None}
        assert differences(definition, shown(definition)) == []

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("cpus", 0.2),
            ("instances", 0),
            ("constraints", [["hostname", "CLUSTER", "a"]]),
            ("constraints", []),
            ("env", {"A": "b"}),
            ("cmd", "x"),
            ("requirePorts", True),
            ("labels", {"a": "b"}),
        ],
    )
    def test_what_differs_is_named(self, field: str, value: Any) -> None:
        assert [each.field for each in differences({**GUIDE, field: value}, shown(GUIDE))] == [field]

    def test_within_a_container(self) -> None:
        other = json.loads(json.dumps(GUIDE))
        other["container"]["docker"]["image"] = "nginx:2"
        assert [each.field for each in differences(other, shown(GUIDE))] == ["container"]
        other = json.loads(json.dumps(GUIDE))
        other["container"]["docker"]["network"] = "HOST"
        assert "networks" in [each.field for each in differences(other, shown(GUIDE))]

    def test_what_was_taken_out_of_a_field(self) -> None:
        before = {**GUIDE, "env": {"A": "b", "C": "d"}}
        assert [each.field for each in differences({**GUIDE, "env": {"A": "b"}}, shown(before))] == ["env"]


class TestEdit:
    @pytest.mark.parametrize(
        ("word", "is_one"),
        [
            ("instances=3", True),
            ("env.A-B.c=x=y", True),
            ("env.OLD-", True),
            ("labels.example.com/name=x", True),
            ("cmd=", True),
            ("app.json", False),
            ("-", False),
            ("./a=b.yaml", False),
            ("my-app", False),
        ],
    )
    def test_words(self, word: str, is_one: bool) -> None:
        assert is_assignment(word) is is_one

    @pytest.mark.parametrize(
        ("word", "sent"),
        [
            ("instances=3", {"instances": 3}),
            ("cmd=echo 1", {"cmd": "echo 1"}),
            ("env.PORT=80", {"env": {"A": "b", "PORT": "80"}}),
            ("env.a.b=x", {"env": {"A": "b", "a.b": "x"}}),
            ("env.A-", {"env": {}}),
            ("env={}", {"env": {}}),
            ("healthChecks.0.path=/x", {"healthChecks": [{"path": "/x", "protocol": "MESOS_HTTP"}]}),
            ("healthChecks.0-", {"healthChecks": []}),
            ("labels.t=1", {"labels": {"t": "1"}}),
            ("cmd-", {"cmd": None}),
            ('constraints=[["hostname","UNIQUE"]]', {"constraints": [["hostname", "UNIQUE"]]}),
        ],
    )
    def test_fields(self, word: str, sent: dict[str, Any]) -> None:
        app = {
            "id": "/a",
            "env": {"A": "b"},
            "healthChecks": [{"path": "/", "protocol": "MESOS_HTTP"}],
            "cmd": "x",
            "version": "v",
        }
        kept = json.loads(json.dumps(app))
        assert changed(app, None, [word]) == sent
        assert app == kept

    @pytest.mark.parametrize("word", ["healthChecks.1.path=/", "healthChecks.x.path=/", "cmd.x=1", "id=b", "version=1"])
    def test_fields_that_are_none(self, word: str) -> None:
        with pytest.raises(UsageError):
            changed({"id": "/a", "cmd": "x", "healthChecks": [{}]}, None, [word])

    def test_a_definition_and_fields(self, tmp_path: Path) -> None:
        path = write(tmp_path, "id: a\ncpus: 1\nversion: old\nenv: {B: c}\n")
        sent = changed({"id": "/a", "env": {"A": "b"}}, path, ["env.D=e"])
        assert sent == {"cpus": 1, "env": {"B": "c", "D": "e"}}

    @pytest.mark.parametrize("text", ["id: b\ncpus: 1\n", "id: a\n---\nid: c\n", "apps: []\n"])
    def test_a_definition_of_something_else(self, text: str, tmp_path: Path) -> None:
        with pytest.raises(UsageError):
            changed({"id": "/a"}, write(tmp_path, text), [])

    def test_a_diff(self) -> None:
        app = {**shown(GUIDE), "tasks": [], "tasksRunning": 1}
        lines = diff(app, {"instances": 3, "cpus": 0.1}, whole=False)
        assert [line for line in lines[2:] if line[0] in "+-"] == ["-instances: 1", "+instances: 3"]
        assert diff(app, GUIDE, whole=False) == []

    def test_a_diff_of_the_whole(self) -> None:
        app = shown({**GUIDE, "env": {"A": "b"}, "labels": {}})
        assert "-env:" in diff(app, GUIDE, whole=True)
        assert not diff(app, GUIDE, whole=False)
