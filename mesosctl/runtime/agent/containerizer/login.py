"""The name and password for an image's registry, from a Docker configuration file.

Looked for where Apache Mesos looks: in the sandbox (`.docker/config.json`, `.dockercfg`, fetched there by the task),
then in the agent's `--docker_config`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]
DOCKER_HUB = "https://index.docker.io/v1/"


def find_login(image: str, sandbox: str, agent_config: str | None) -> Mapping[str, str] | None:
    """The AuthConfig for the registry of an image; None where there is none. Raises ValueError for a broken file."""
    registry = registry_of(image)
    for config in (_read(Path(sandbox, ".docker/config.json")), _read(Path(sandbox, ".dockercfg")), agent_config):
        if config and (login := _login(_parse(config), registry)):
            return login
    return None


def registry_of(image: str) -> str:
    """Host and port; that of Docker Hub where the name of the image begins with neither."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else DOCKER_HUB


def _read(path: Path) -> str | None:
    # A link could show the task a file that only the agent may read.
    return path.read_text() if path.is_file() and not path.is_symlink() else None


def _parse(config: str) -> Json:
    try:
        parsed = json.loads(config)
    except ValueError as error:
        raise ValueError(f"The Docker configuration is not valid JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise ValueError("The Docker configuration is no JSON object")
    return parsed


def _login(config: Json, registry: str) -> Mapping[str, str] | None:
    for name, entry in config.get("auths", config).items():
        host = name.removeprefix("https://").removeprefix("http://").partition("/")[0]
        if registry in (name, host) or (registry == DOCKER_HUB and host in ("index.docker.io", "docker.io")):
            return _credentials(entry, name)
    return None


def _credentials(entry: Json, server: str) -> Mapping[str, str]:
    if "auth" not in entry:
        return {"username": entry.get("username", ""), "password": entry.get("password", ""), "serveraddress": server}
    try:
        user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError(f"The login for {server} in the Docker configuration is not valid base64") from None
    return {"username": user, "password": password, "serveraddress": server}
