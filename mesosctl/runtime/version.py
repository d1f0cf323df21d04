"""The version of Apache Mesos whose protocol the runtime speaks. Clients want dotted integers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

VERSION = "1.11.0"


def about() -> dict[str, str | float]:
    """What `/version` shows. The build is the installation of this package."""
    installed = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    return {
        "build_date": installed.strftime("%Y-%m-%d %H:%M:%S"),
        "build_time": installed.timestamp(),
        "build_user": "mesosctl",
        "version": VERSION,
    }
