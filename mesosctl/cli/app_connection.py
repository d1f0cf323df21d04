"""Options that all `mesosctl app` commands share: which Marathon, as whom."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from mesosctl.errors import UsageError
from mesosctl.inventory.find import find_inventory, find_marathon

if TYPE_CHECKING:
    from mesosctl.apps.client import Marathon
    from mesosctl.apps.sandbox import Agents
    from mesosctl.inventory.model import Cluster
    from mesosctl.transport.forward import Forwarder
    from mesosctl.transport.http import Login, Server

Function = TypeVar("Function", bound=Callable[..., Any])
COMPLETION_SECONDS = 2.0


class Site:
    """The Marathon that is meant, and the inventory where one is known; made when they are first asked for."""

    def __init__(
        self,
        url: str | None = None,
        inventory: str | None = None,
        user: str | None = None,
        ca_file: Path | None = None,
        via_ssh: bool = False,
    ) -> None:
        self._url = find_marathon(url)
        self._inventory = inventory
        self._user = user
        self._ca_file = ca_file
        self._via_ssh = via_ssh

    @functools.cached_property
    def cluster(self) -> Cluster | None:
        """None where Marathon's address is enough. Raises InvalidInventory, UsageError."""
        from mesosctl.inventory.load import load_inventory

        if self._url and not self._via_ssh:
            return None
        try:
            path = find_inventory(self._inventory)
        except UsageError:
            if self._via_ssh:
                raise
            raise UsageError(
                "which Marathon? There is neither an address nor an inventory",
                fix="name one: --marathon http://HOST:8080, MESOSCTL_MARATHON, or -i FILE",
            ) from None
        return load_inventory(path, require_secrets=self._via_ssh)

    @functools.cached_property
    def marathon(self) -> Marathon:
        from mesosctl.apps import place
        from mesosctl.apps.client import Marathon

        urls = [self._url] if self._url else place.urls(self.cluster) if self.cluster else []
        return Marathon([self._server(url, self.login) for url in urls])

    @functools.cached_property
    def login(self) -> Login | None:
        """The one that --user means, or the inventory's. Raises UsageError."""
        from mesosctl.apps import place

        if self._user is None:
            return place.login(self.cluster) if self.cluster else None
        return _login(self._user, "Marathon")

    def agents(self, user: str | None) -> Agents:
        """The agents that the apps are on. `user`: who logs in there, as --agent-user has it."""
        from mesosctl.apps import place
        from mesosctl.apps.sandbox import AGENT_PORT, Agents
        from mesosctl.inventory.model import Role

        login = place.login(self.cluster, Role.AGENT) if self.cluster else None
        if user is not None:
            login = _login(user, "the agents")
        config = self.marathon.info().get("marathon_config") or {}
        told = config.get("mesos_leader_ui_url")
        masters = [told] if isinstance(told, str) else []
        port = AGENT_PORT
        if self.cluster:
            masters += place.masters(self.cluster)
            port = self.cluster.mesos.agent.port

        def connect(url: str) -> Server:
            return self._server(url, login)

        return Agents(connect, masters, agent_port=port)

    def close(self) -> None:
        """End the connections over SSH."""
        if forwarder := self.__dict__.get("_forwarder"):
            forwarder.close()

    def _server(self, url: str, login: Login | None) -> Server:
        from mesosctl.transport.http import Server

        dial = self._forwarder.dial if self._forwarder else None
        return Server(url, login=login, ca_file=self._ca_file, dial=dial)

    @functools.cached_property
    def _forwarder(self) -> Forwarder | None:
        if not (self._via_ssh and self.cluster):
            return None
        from mesosctl.inventory.model import Role
        from mesosctl.transport.forward import Forwarder

        return Forwarder(self.cluster, next(iter(self.cluster.with_role(Role.MARATHON)), self.cluster.hosts[0]))


def _login(user: str, where: str) -> Login:
    """`NAME` or `NAME:SECRET`. Raises UsageError."""
    from mesosctl.transport.http import Login

    name, _, reference = user.partition(":")
    if reference:
        from mesosctl.inventory.secrets import secret

        return Login(name, secret(reference).reveal())
    from mesosctl.cli.session import ask_secret

    if not sys.stdin.isatty():
        raise UsageError(
            f"there is no terminal to ask for the password of {name} on", fix=f"say where it is: {name}:env:VARIABLE"
        )
    return Login(name, ask_secret(f"password of {name} at {where}").reveal())


def connection_options(function: Function) -> Function:
    """Adds --marathon, -i/--inventory, --user, --ca-file and --via-ssh; the command gets them as one `site: Site`."""

    @functools.wraps(function)
    def inject(*args: Any, **kwargs: Any) -> Any:
        site = Site(**{name: kwargs.pop(name) for name in ("url", "inventory", "user", "ca_file", "via_ssh")})
        click.get_current_context().call_on_close(site.close)
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
    click.option(
        "--via-ssh",
        is_flag=True,
        help="Reach Marathon and agents over SSH, from the inventory's hosts: for ports that are closed to here.",
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
