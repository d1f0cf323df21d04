"""Amounts by name, without regard to roles or kinds: `{"cpus": 4, "mem": 8192}`."""

from __future__ import annotations


class Quantities(dict[str, int]):
    """Name to thousandths. Absent means none."""
