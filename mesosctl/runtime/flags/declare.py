"""How flags are declared: a frozen dataclass with one typed field a flag.

    port: int = flag(INTEGER, "5051", "Port to listen on.")

Flags of Apache Mesos that have no effect in this runtime are named in `ACCEPTED`, so that an environment written for
Mesos starts it unchanged; `/flags` shows them, the log names those that were given.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

from mesosctl.runtime.flags.kinds import SWITCH, Kind

T = TypeVar("T")


@dataclass(frozen=True)
class Declaration:
    """What is known of a flag. `default` is as written on a command line; None where there is none."""

    name: str
    kind: Kind[Any]
    default: str | None
    help: str
    required: bool = False


def flag(kind: Kind[T], default: str, help: str) -> T:
    """A flag that always has a value."""
    return _field(kind, default, help, required=False)


def optional(kind: Kind[T], help: str) -> T | None:
    """A flag that is None unless given."""
    return cast("T | None", _field(kind, None, help, required=False))


def required(kind: Kind[T], help: str) -> T:
    """A flag without which the program does not start."""
    return _field(kind, None, help, required=True)


def _field(kind: Kind[T], default: str | None, help: str, *, required: bool) -> T:
    metadata = {"kind": kind, "default": default, "help": help, "required": required}
    return cast(T, dataclasses.field(metadata=metadata))


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What both programs have, and the base of their flags."""

    ACCEPTED: ClassVar[Mapping[str, str | None]] = {}
    """Names of flags without effect, with the value that `/flags` shows by default."""

    accepted: Mapping[str, str]
    """The values of such flags."""

    help: bool = flag(SWITCH, "false", "Prints this help message.")
    version: bool = flag(SWITCH, "false", "Prints the version and exits.")

    @classmethod
    def declarations(cls) -> dict[str, Declaration]:
        """All flags with effect, by name."""
        return {
            field.name: Declaration(field.name, **field.metadata)
            for field in dataclasses.fields(cls)
            if "kind" in field.metadata
        }

    def shown(self) -> dict[str, str]:
        """All flags that have a value, by name, written as in `/flags`."""
        values = dict(self.accepted)
        for name, declaration in self.declarations().items():
            value = getattr(self, name)
            if value is not None:
                values[name] = declaration.kind.write(value)
        return dict(sorted(values.items()))
