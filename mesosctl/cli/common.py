"""Options that several commands share, and how an inventory is found."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mesosctl.errors import UsageError

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_INVENTORY = "inventory.yaml"


def inventory_option(function: Function) -> Function:
    """Adds the argument INVENTORY and the option -i/--inventory; the command gets them as one `inventory: Path`."""

    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value is not None:
            if ctx.meta.get("mesosctl.inventory", value) != value:
                raise click.UsageError("the inventory is given twice, as argument and with --inventory")
            ctx.meta["mesosctl.inventory"] = value

    def inject(*args: Any, **kwargs: Any) -> Any:
        return function(*args, inventory=find_inventory(click.get_current_context()), **kwargs)

    inject.__doc__ = function.__doc__
    inject.__name__ = function.__name__
    inject.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    inject = click.argument("inventory_argument", metavar="[INVENTORY]", required=False, expose_value=False,
                            type=click.Path(), callback=callback)(inject)
    return click.option("-i", "--inventory", "inventory_option", expose_value=False, type=click.Path(),
                        callback=callback, help="The inventory; default $MESOSCTL_INVENTORY or ./inventory.yaml.")(inject)  # type: ignore[return-value]


def find_inventory(ctx: click.Context) -> Path:
    """The inventory of this call: argument or option, MESOSCTL_INVENTORY, ./inventory.yaml. UsageError if none."""
    named = ctx.meta.get("mesosctl.inventory") or os.environ.get("MESOSCTL_INVENTORY")
    if named:
        return Path(named)
    if Path(DEFAULT_INVENTORY).exists():
        return Path(DEFAULT_INVENTORY)
    raise UsageError(
        f"no inventory given, and there is no {DEFAULT_INVENTORY} here",
        fix="name one (mesosctl COMMAND FILE, -i FILE or MESOSCTL_INVENTORY), or write one with: mesosctl init",
    )


output_option = click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True,
                             help="Form of what is printed.")
