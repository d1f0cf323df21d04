"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from mesosctl.inventory.find import find_inventory

Function = TypeVar("Function", bound=Callable[..., Any])

_META = "mesosctl.inventory"


def inventory_option(function: Function) -> Function:
    """Adds the argument [INVENTORY] and the option -i/--inventory; the command gets them as one `inventory: Path`."""
    argument = click.argument(
        "inventory_argument",
        metavar="[INVENTORY]",
        required=False,
        expose_value=False,
        type=click.Path(),
        callback=_remember,
    )
    return argument(inventory_only_option(function))


def inventory_only_option(function: Function) -> Function:
    """Adds -i/--inventory without the argument, for commands that have arguments of their own."""

    @functools.wraps(function)
    def inject(*args: Any, **kwargs: Any) -> Any:
        named = click.get_current_context().meta.get(_META)
        return function(*args, inventory=find_inventory(named), **kwargs)

    option = click.option(
        "-i",
        "--inventory",
        "inventory_option",
        metavar="FILE",
        expose_value=False,
        type=click.Path(),
        callback=_remember,
        help="The inventory; default $MESOSCTL_INVENTORY or ./inventory.yaml.",
    )
    return option(inject)  # type: ignore[return-value]


def _remember(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    if ctx.meta.get(_META, value) != value:
        raise click.UsageError("the inventory is given twice, as argument and with --inventory")
    ctx.meta[_META] = value


output_option = click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of what is printed.",
)
