"""The values of the store, and their keys. JSON; what is long is compressed.

framework              the framework's id
subscribers            the URLs that events are posted to
failure:<id>           how a task of an app failed last
handover               what the next leader is to do before anything else
app:<id>, pod:<id>     the version that is current
app:<id>@<version>     a definition; it never changes (pods likewise)
group:<id>             a group without what is in it
change:<version>       what the root's change to that version replaced by what
instance:<id>          an instance; its app by id and version
deployment:<id>        a deployment; its trees by the root's version
"""

from __future__ import annotations

import zlib
from typing import TypeVar

import msgspec

from mesosctl.runtime.marathon.core.records import AgentRecord, Condition, Goal, Reservation, Step, TaskRecord

T = TypeVar("T")

FRAMEWORK = "framework"
SUBSCRIBERS = "subscribers"
HANDOVER = "handover"
APP = "app:"
POD = "pod:"
GROUP = "group:"
CHANGE = "change:"
INSTANCE = "instance:"
DEPLOYMENT = "deployment:"
FAILURE = "failure:"

_COMPRESS_ABOVE_BYTES = 8192
_COMPRESSED = b"z"
"""No JSON begins with it."""
_encode = msgspec.json.Encoder().encode


class Handover(msgspec.Struct, frozen=True, omit_defaults=True):
    """Files: to write all that is stored to, and then to replace it from."""

    backup: str | None = None
    restore: str | None = None


class GroupNode(msgspec.Struct, frozen=True, omit_defaults=True):
    """A group without what is in it."""

    version: str = ""
    dependencies: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """From the root's version `previous` to the next: by id what there was and what there is, None for nothing."""

    previous: str
    apps: dict[str, tuple[str | None, str | None]] = {}
    """Versions."""
    pods: dict[str, tuple[str | None, str | None]] = {}
    groups: dict[str, tuple[GroupNode | None, GroupNode | None]] = {}


class StoredInstance(msgspec.Struct, frozen=True, omit_defaults=True):
    """`core.records.Instance` with its app (or pod) by id and version."""

    app: tuple[str, str]
    since: float
    condition: Condition
    goal: Goal
    incarnation: int
    agent: AgentRecord | None = None
    task: TaskRecord | None = None
    created: float = 0.0
    others: tuple[TaskRecord, ...] = ()
    reservation: Reservation | None = None
    pod: bool = False


class StoredDeployment(msgspec.Struct, frozen=True, omit_defaults=True):
    """`core.records.Deployment` with its trees by the root's versions."""

    version: str
    original: str
    target: str
    steps: tuple[Step, ...]
    kills: dict[str, tuple[str, ...]] = {}


def write(value: object) -> bytes:
    text = _encode(value)
    return _COMPRESSED + zlib.compress(text) if len(text) > _COMPRESS_ABOVE_BYTES else text


def read(value: bytes, kind: type[T]) -> T:
    """Raises msgspec.MsgspecError and zlib.error where it is damaged."""
    text = zlib.decompress(value[1:]) if value.startswith(_COMPRESSED) else value
    return msgspec.json.decode(text, type=kind)


def definition_key(prefix: str, id: str, version: str) -> str:
    return f"{prefix}{id}@{version}"
