"""Which login an image's registry gets."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from mesosctl.runtime.agent.containerizer.login import DOCKER_HUB, find_login, registry_of

HUB = {"auth": base64.b64encode(b"hub:secret").decode()}
OWN = {"auth": base64.b64encode(b"me:pass:word").decode()}


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nginx", DOCKER_HUB),
        ("library/nginx:1", DOCKER_HUB),
        ("registry.corp/a/b", "registry.corp"),
        ("localhost/a", "localhost"),
        ("host:5000/a:1", "host:5000"),
    ],
)
def test_registries(image: str, registry: str) -> None:
    assert registry_of(image) == registry


def test_the_sandbox_comes_before_the_agent(tmp_path: Path) -> None:
    agent = json.dumps({"auths": {DOCKER_HUB: HUB, "https://registry.corp": OWN}})
    own = {"username": "me", "password": "pass:word", "serveraddress": "https://registry.corp"}
    assert find_login("registry.corp/a", str(tmp_path), agent) == own
    assert find_login("nginx", str(tmp_path), agent) == {
        "username": "hub",
        "password": "secret",
        "serveraddress": DOCKER_HUB,
    }
    assert find_login("other.corp/a", str(tmp_path), agent) is None
    tmp_path.joinpath(".dockercfg").write_text(json.dumps({"registry.corp": {"auth": HUB["auth"]}}))
    found = find_login("registry.corp/a", str(tmp_path), agent)
    assert found is not None
    assert found["username"] == "hub"


def test_what_is_no_login(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not valid base64"):
        find_login("a.corp/x", str(tmp_path), json.dumps({"auths": {"a.corp": {"auth": "?"}}}))
    with pytest.raises(ValueError, match="Docker configuration"):
        find_login("a.corp/x", str(tmp_path), "{")
    with pytest.raises(ValueError, match="Docker configuration"):
        find_login("a.corp/x", str(tmp_path), "[]")
