"""What operators change for good: checked first, then held by the registry, and only then done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Change(NamedTuple):
    """Something that an operator may do, and that has not been done yet."""

    record: Mapping[str, Any]
    """What the registry must hold before: fields of its, by name, in full."""
    take_effect: Callable[[], None]
