"""The text of `--help`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from mesosctl.runtime.flags.declare import Declaration, Flags

_COLUMN = 44


def usage(flags: type[Flags], program: str) -> str:
    """All flags with their help and default, as wide as a terminal usually is."""
    lines = [f"Usage: {program} [options]", ""]
    for _, declaration in sorted(flags.declarations().items()):
        lines += _lines(declaration)
    if flags.ACCEPTED:
        names = ", ".join(sorted(flags.ACCEPTED))
        lines += ["", *textwrap.wrap(f"Accepted for Mesos' sake, without effect: {names}", 110)]
    return "\n".join(lines) + "\n"


def _lines(declaration: Declaration) -> Iterator[str]:
    name = f"  --[no-]{declaration.name}" if declaration.kind.is_switch else f"  --{declaration.name}=VALUE"
    note = " (required)" if declaration.required else ""
    if declaration.default is not None:
        note = f" (default: {declaration.default})"
    first, *others = textwrap.wrap(declaration.help + note, 110 - _COLUMN)
    if len(name) < _COLUMN:
        yield f"{name:<{_COLUMN}}{first}"
    else:
        yield name
        yield " " * _COLUMN + first
    yield from (" " * _COLUMN + other for other in others)
