"""What operators change for good: checked first, then held by the registry, and only then done."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Change(NamedTuple):
    """Something that an operator may do, and that has not been done yet."""

    take_effect: Callable[[], None]
