"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

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
diff_option = click.option("--diff", is_flag=True, help="Show what changes inside files, as diffs.")
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the user said about how a run shall go."""

    limit: tuple[str, ...] = ()
    parallel: int = 32
    timeout: float = 1800
    """Seconds that one stage may take on one host."""
    step_timeout: int = 900
    """Seconds that one step may take."""
    ask_login: bool = False
    ask_sudo: bool = False
    output: str = "text"
    """`text` or `json`."""
    verbose: bool = False

    @property
    def json(self) -> bool:
        return self.output == "json"


def run_options(function: Function) -> Function:
    """Adds the options of every command that works on hosts; the command gets them as one `options: RunOptions`."""

    @functools.wraps(function)
    def inject(*args: Any, **kwargs: Any) -> Any:
        given = {field.name: kwargs.pop(field.name) for field in fields(RunOptions)}
        return function(*args, options=RunOptions(**given), **kwargs)

    decorated: Any = inject
    for option in reversed(_RUN_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def _complete_limit(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from mesosctl.cli.completion import limit_words

    # a line that ends with an option is not parsed to its end: its arguments are still in `args`
    named = ctx.meta.get(_META) or next(iter(ctx.args), None)
    return [CompletionItem(word) for word in limit_words(named, incomplete)]


limit_option = click.option(
    "-l",
    "--limit",
    multiple=True,
    metavar="NAMES",
    shell_complete=_complete_limit,
    help="Only these hosts (* and ? match), roles or stages; separated by commas.",
)

parallel_option = click.option(
    "--parallel",
    type=click.IntRange(min=1),
    default=RunOptions().parallel,
    show_default=True,
    metavar="N",
    help="Hosts worked on at the same time.",
)

_RUN_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    limit_option,
    parallel_option,
    click.option(
        "--timeout",
        type=click.FloatRange(min=1),
        default=RunOptions().timeout,
        show_default=True,
        metavar="SECONDS",
        help="How long a stage may take on a host.",
    ),
    click.option(
        "--step-timeout",
        type=click.IntRange(min=1),
        default=RunOptions().step_timeout,
        show_default=True,
        metavar="SECONDS",
        help="How long one step may take, e.g. a package installation.",
    ),
    click.option("-k", "--ask-password", "ask_login", is_flag=True, help="Ask for the hosts' login password."),
    click.option("-K", "--ask-sudo-password", "ask_sudo", is_flag=True, help="Ask for the hosts' sudo password."),
    output_option,
    click.option("-v", "--verbose", is_flag=True, help="Also show what holds already."),
)


def table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows as columns; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
