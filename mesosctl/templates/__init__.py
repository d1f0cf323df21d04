"""The files that mesosctl writes, laid out as on the host: `etc/profile.d/proxy.sh.j2` becomes /etc/profile.d/proxy.sh.

A folder `dot-m2` stands for `.m2`: packaging leaves out hidden names.

A template gets one named tuple and sees its fields. What it prints must be a number or have gone through a filter of
`mesosctl.templates.filters`, which quotes for the format it lands in: anything else is an error, so that a forgotten
quote is found by the first test and not by the first odd password.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mesosctl.templates.filters import FILTERS, Quoted

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent


def render(template: str, values: NamedTuple) -> str:
    """The text of a template, named by its path below the templates' folder without `.j2`, for the fields of `values`.

    Raises Unquotable where a value cannot be written in the file's format.
    """
    return _environment().get_template(f"{template}.j2").render(values._asdict())


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        finalize=_only_quoted,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(FILTERS)
    return environment


def _only_quoted(value: Any) -> Any:
    if isinstance(value, Quoted) or type(value) is int:
        return value
    raise TypeError(f"a template prints {type(value).__name__} {value!r} without a filter that quotes it")
