"""Hundreds of malformed inventories: never a traceback, always a place within the file, never a secret."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesosctl.inventory.example import example
from mesosctl.inventory.load import Loaded, read_bytes
from mesosctl.inventory.model import Role
from mesosctl.inventory.problem import Severity

MANY = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
SECRET = "hunter2SESAME"
EXAMPLE = re.sub(r"^ *#.*\n", "", example(), flags=re.M)
LINES = EXAMPLE.splitlines()
TREE: dict[str, Any] = yaml.safe_load(EXAMPLE)
TREE["ssh"]["password"] = TREE["ssh"]["sudo_password"] = SECRET
TREE["ssh"]["sudo"] = True
TREE["proxy"] |= {"http": f"http://u:{SECRET}@proxy:8080/", "password": SECRET}
TREE["zookeeper"]["credentials"] = {"username": "u", "password": SECRET}
KEYS = frozenset(re.findall(r"^ *([a-z_]+):", EXAMPLE, re.M)) | {"credentials", "username", "location", "sha256"}
NASTY = [
    *(
        "*a",
        "&a",
        "&a *a",
        "<<: *a",
        "<<: {<<: *a}",
        "!!python/object/apply:os.system [ls]",
        "!x",
        "!!binary x",
        "!!set",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        "- ",
        "? ",
        ": ",
        "|",
        ">-",
        "%YAML 9.9",
        "---",
        "...",
        "\t",
        "\x85",
        "\u2028",
        "\ufeff",
        "\x00",
    ),
    *(
        "'",
        '"',
        "#",
        "@",
        "`",
        "~",
        "null",
        "0o17",
        "1e999",
        ".nan",
        "9" * 400,
        "-0",
        "0x1F",
        "1:2",
        "2001-01-01",
        "=",
        "é",
        "𝄞",
    ),
    *(
        "env:",
        "file:",
        "env:HOME",
        "file:/",
        "file:/dev/null",
        "http://",
        "http://@",
        "http://[:1",
        "http://a:b@c:d@e:1",
        "::",
    ),
    *(
        "[1-",
        "{a",
        "a;b",
        "/",
        "/..",
        "ssh-rsa AAAA",
        "zk://a",
        "a" * 300,
        "\\",
        '"\\uD800"',
        '"\\x00"',
        '"a\\nb"',
        "*" * 50,
    ),
]


@pytest.fixture(autouse=True, scope="module")
def _state(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MESOSCTL_STATE", str(tmp_path_factory.mktemp("state")))
        yield


def examined(data: bytes) -> Loaded:
    """Reads, and checks what must hold whatever was read."""
    loaded = read_bytes(data, Path("inventory.yaml"))
    lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", data.decode("utf-8-sig", errors="replace"))
    for problem in loaded.problems:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert 0 <= problem.caret <= len(problem.source)
        text = str(problem)
        assert all(character in "\n\t" or character.isprintable() for character in text), text
        assert problem.message
    errors = [problem for problem in loaded.problems if problem.severity is Severity.ERROR]
    assert (loaded.cluster is None) == bool(errors)
    if loaded.cluster:
        masters = loaded.cluster.with_role(Role.MASTER)
        assert not masters or len(masters) / 2 < loaded.cluster.mesos.quorum <= len(masters)
        ids = [host.zookeeper_id for host in loaded.cluster.with_role(Role.ZOOKEEPER)]
        assert None not in ids
        assert len(set(ids)) == len(ids)
    return loaded


@MANY
@given(st.binary(max_size=300))
def test_binary(data: bytes) -> None:
    assert examined(data).cluster is None


@MANY
@given(st.text(max_size=200), st.integers(0, len(LINES)))
def test_text_within_the_example(text: str, line: int) -> None:
    examined("\n".join([*LINES[:line], text, *LINES[line:]]).encode("utf-8", errors="surrogatepass"))


@MANY
@given(
    st.lists(st.one_of(st.sampled_from(NASTY), st.sampled_from([" ", "\n", "a: ", "hosts: ", "name: "])), max_size=40)
)
def test_random_yaml(parts: list[str]) -> None:
    examined("".join(parts).encode())


@MANY
@given(st.data())
def test_lines_dropped_doubled_and_replaced(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "indent", "value", "key", "cut", "move"]))
        if change == "drop":
            del lines[index]
        elif change == "double":
            lines.insert(index, lines[index])
        elif change == "indent":
            lines[index] = data.draw(st.sampled_from([" ", "  ", "\t", "- "])) + lines[index]
        elif change == "value":
            lines[index] = lines[index].partition(":")[0] + ": " + data.draw(st.sampled_from(NASTY))
        elif change == "key":
            lines[index] = data.draw(st.sampled_from(NASTY)) + ":" + lines[index].partition(":")[2]
        elif change == "cut":
            lines[index] = lines[index][: data.draw(st.integers(0, len(lines[index])))]
        else:
            lines.insert(data.draw(st.integers(0, len(lines) - 1)), lines.pop(index))
    examined("\n".join(lines).encode())


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(NASTY), st.text(max_size=20))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SCALARS, inner, max_size=4), max_leaves=8
)


@MANY
@given(st.data())
def test_values_of_any_type_anywhere(data: st.DataObject) -> None:
    tree = copy.deepcopy(TREE)
    for _ in range(data.draw(st.integers(1, 4))):
        place: Any = tree
        while isinstance(place, dict) and place:
            key = data.draw(st.sampled_from(sorted(place, key=str)))
            if not (isinstance(place[key], dict) and place[key]) or data.draw(st.integers(0, 3)) == 0:
                break
            place = place[key]
        change = data.draw(st.sampled_from(["replace", "drop", "rename", "add"]))
        if change == "replace":
            place[key] = data.draw(VALUES)
        elif change == "add":
            place[data.draw(SCALARS)] = data.draw(VALUES)
        else:
            value = place.pop(key)
            if change == "rename":  # a typing slip, of which a secret must not come to light
                place[str(key)[1:] if key in KEYS else str(key)] = value
        if not tree:
            break
    style = data.draw(st.sampled_from([True, False, None]))
    text = yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True, default_flow_style=style)
    loaded = examined(text.encode())
    for problem in loaded.problems:
        assert SECRET not in str(problem), str(problem)


def test_the_untouched_example_is_valid() -> None:
    assert examined(EXAMPLE.encode()).problems == ()
    assert {problem.message for problem in examined(yaml.safe_dump(TREE).encode()).problems} == {
        "a secret is written in the inventory itself"
    }
