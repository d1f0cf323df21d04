"""The exchanges recorded with a real Apache Mesos, as tests read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from mesosctl.runtime.protocol import agent, master, scheduler

FOLDER = Path(__file__).parent.parent / "golden" / "mesos"


@dataclass(frozen=True)
class Exchange:
    name: str
    api: ModuleType
    """The module of the API that was called: its Call, Response and Event."""
    request: dict[str, Any]
    response: dict[str, Any]
    events: list[dict[str, Any]]


def exchanges() -> Iterator[Exchange]:
    for path in sorted(FOLDER.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            recorded = json.loads(line)
            if recorded["request"]["path"].endswith("/scheduler"):
                api = scheduler
            else:
                api = agent if path.stem == "operator-agent" else master
            name = f"{path.stem}/{recorded['name']}"
            yield Exchange(name, api, recorded["request"], recorded["response"], recorded.get("events", []))
