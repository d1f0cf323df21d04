"""Options that all `mesosctl app` commands share: which Marathon, as whom."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from mesosctl.errors import UsageError
from mesosctl.inventory.find import find_inventory, find_marathon

if TYPE_CHECKING:
    from mesosctl.apps.client import Marathon
    from mesosctl.inventory.model import Cluster
    from mesosctl.transport.http import Login

Function = TypeVar("Function", bound=Callable[..., Any])
COMPLETION_SECONDS = 2.0


class Site:
    """The Marathon that is meant, and the inventory where one is known; made when they are first asked for."""

    def __init__(
        self, url: str | None = None, inventory: str | None = None, user: str | None = None, ca_file: Path | None = None
    ) -> None:
        self._url = find_marathon(url)
        self._inventory = inventory
        self._user = user
        self._ca_file = ca_file

    @functools.cached_property
    def cluster(self) -> Cluster | None:
        """None where Marathon's address was given. Raises InvalidInventory, UsageError."""
        from mesosctl.inventory.load import load_inventory

        if self._url:
            return None
        try:
            path = find_inventory(self._inventory)
        except UsageError:
            raise UsageError(
                "which Marathon? There is neither an address nor an inventory",
                fix="name one: --marathon http://HOST:8080, MESOSCTL_MARATHON, or -i FILE",
            ) from None
        return load_inventory(path, require_secrets=False)

    @functools.cached_property
    def marathon(self) -> Marathon:
        from mesosctl.apps import place
        from mesosctl.apps.client import Marathon
        from mesosctl.transport.http import Server

        urls = [self._url] if self._url else place.urls(self.cluster) if self.cluster else []
        login = self.login
        return Marathon([Server(url, login=login, ca_file=self._ca_file) for url in urls])

    @functools.cached_property
    def login(self) -> Login | None:
        """The one that --user means, or the inventory's. Raises UsageError."""
        from mesosctl.apps import place
        from mesosctl.cli.session import ask_secret
        from mesosctl.inventory.secrets import secret
        from mesosctl.transport.http import Login

        if self._user is None:
            return place.login(self.cluster) if self.cluster else None
        name, _, reference = self._user.partition(":")
        password = secret(reference) if reference else ask_secret(f"password of {name} at Marathon")
        return Login(name, password.reveal())


def connection_options(function: Function) -> Function:
    """Adds --marathon, -i/--inventory, --user and --ca-file; the command gets them as one `site: Site`."""

    @functools.wraps(function)
    def inject(*args: Any, **kwargs: Any) -> Any:
        site = Site(kwargs.pop("url"), kwargs.pop("inventory"), kwargs.pop("user"), kwargs.pop("ca_file"))
        return function(*args, site=site, **kwargs)

    decorated: Any = inject
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "-m",
        "--marathon",
        "url",
        metavar="URL",
        help="Marathon's address; default $MESOSCTL_MARATHON, or the inventory's hosts with the role marathon.",
    ),
    click.option(
        "-i",
        "--inventory",
        metavar="FILE",
        type=click.Path(),
        help="The inventory; default $MESOSCTL_INVENTORY or ./inventory.yaml.",
    ),
    click.option(
        "-u",
        "--user",
        metavar="NAME[:SECRET]",
        help="Log in at Marathon; the password is env:NAME or file:PATH, and asked for without one.",
    ),
    click.option(
        "--ca-file",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Certificates of the authorities to trust, in PEM; default the system's.",
    ),
)


def complete_id(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of apps that go on with what was typed; nothing where Marathon does not answer soon."""
    import threading

    found: list[CompletionItem] = []

    def ask() -> None:
        given = ctx.params
        site = Site(given.get("url"), given.get("inventory"), given.get("user"), given.get("ca_file"))
        names = [str(app.get("id")) for app in site.marathon.apps()]
        wanted = "/" + incomplete.lstrip("/")
        cut = 0 if incomplete.startswith("/") else 1
        found.extend(CompletionItem(name[cut:]) for name in names if name.startswith(wanted))

    def quietly() -> None:
        try:
            ask()
        except Exception:  # whatever is wrong, the command itself will say it
            found.clear()

    thread = threading.Thread(target=quietly, daemon=True)
    thread.start()
    thread.join(COMPLETION_SECONDS)
    return list(found)


id_argument = click.argument("id", shell_complete=complete_id)
