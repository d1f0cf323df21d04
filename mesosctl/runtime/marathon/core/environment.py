"""The environment of a task, as Marathon's docs/task-environment-vars.md has it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mesosctl.runtime.marathon.model import App, EnvSecret, PortDefinition

_LONGEST = 512
"""Labels with longer names or values are left out."""


def environment(app: App, task_id: str, host: str, ports: Sequence[int | None], prefix: str = "") -> dict[str, str]:
    """`ports`: the host port of each of the app's ports. `prefix` is that of the variables about ports."""
    return {
        **_of_app(app),
        **_of_ports(app, ports, prefix),
        "HOST": host,
        "MESOS_TASK_ID": task_id,
        **{name: value for name, value in app.env.items() if not isinstance(value, EnvSecret)},
    }


def _of_app(app: App) -> dict[str, str]:
    variables = {
        "MARATHON_APP_ID": app.id,
        "MARATHON_APP_VERSION": app.version,
        "MARATHON_APP_RESOURCE_CPUS": str(float(app.cpus)),
        "MARATHON_APP_RESOURCE_MEM": str(float(app.mem)),
        "MARATHON_APP_RESOURCE_DISK": str(float(app.disk)),
        "MARATHON_APP_RESOURCE_GPUS": str(app.gpus),
    }
    if app.container and app.container.docker:
        variables["MARATHON_APP_DOCKER_IMAGE"] = app.container.docker.image
    return {**variables, **label_variables(app.labels)}


def label_variables(labels: Mapping[str, str]) -> dict[str, str]:
    """What a task is told of its app's labels."""
    told = {
        _sanitised(name): value for name, value in labels.items() if len(name) <= _LONGEST and len(value) <= _LONGEST
    }
    return {"MARATHON_APP_LABELS": " ".join(told), **{f"MARATHON_APP_LABEL_{name}": told[name] for name in told}}


def _of_ports(app: App, ports: Sequence[int | None], prefix: str) -> dict[str, str]:
    variables: dict[str, str] = {}
    assigned = [port for port in ports if port is not None]
    variables.update((f"PORT{number}", str(port)) for number, port in enumerate(assigned))
    for asked, port in zip(app.ports, ports, strict=True):
        inside = asked.port if isinstance(asked, PortDefinition) else asked.containerPort
        shown = port if port is not None else inside
        if inside:
            variables[f"PORT_{inside}"] = str(shown)
        if asked.name:
            variables[f"PORT_{_sanitised(asked.name)}"] = str(shown)
    if assigned:
        variables["PORT"] = str(assigned[0])
    variables["PORTS"] = ",".join(map(str, assigned))
    return {prefix + name: value for name, value in variables.items()}


def _sanitised(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]+", "_", name).upper()
