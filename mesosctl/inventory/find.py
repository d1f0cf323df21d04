"""Which file is the inventory, where a command was given none."""

from __future__ import annotations

import os
from pathlib import Path

from mesosctl.errors import UsageError

DEFAULT = "inventory.yaml"
VARIABLE = "MESOSCTL_INVENTORY"
MARATHON_VARIABLE = "MESOSCTL_MARATHON"


def find_inventory(named: str | None = None) -> Path:
    """The inventory that was named, that MESOSCTL_INVENTORY names, or ./inventory.yaml. Raises UsageError."""
    if chosen := named or os.environ.get(VARIABLE):
        return Path(chosen)
    if Path(DEFAULT).exists():
        return Path(DEFAULT)
    raise UsageError(
        f"no inventory given, and there is no {DEFAULT} here",
        fix=f"name one (-i FILE or {VARIABLE}), or write one with: mesosctl init HOST…",
    )


def find_marathon(named: str | None = None) -> str | None:
    """Marathon's address: the one that was named, or that MESOSCTL_MARATHON names; None: the inventory tells it."""
    return named or os.environ.get(MARATHON_VARIABLE) or None
