"""`mesosctl app run`, `update`, `scale`, `restart`, `destroy` and `wait`: each begins a deployment and follows it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mesosctl.cli.app_connection import Site, complete_id, connection_options, id_argument
from mesosctl.cli.common import yes_option
from mesosctl.errors import ExitCode, RefusedError, UsageError

if TYPE_CHECKING:
    from mesosctl.apps.client import Deployment
    from mesosctl.apps.definition import Definition

Function = TypeVar("Function", bound=Callable[..., Any])

force_option = click.option("-f", "--force", is_flag=True, help="Take the place of a deployment that is under way.")


DESTROYED = "destroyed"


class Follow:
    """Whether and how the user wants to see what becomes of a change."""

    def __init__(self, wait: bool, timeout: float, quiet: bool) -> None:
        self.wait = wait
        self.timeout = timeout
        self.quiet = quiet

    def tell(self, line: str) -> None:
        if not self.quiet:
            click.echo(line)

    def deployment(self, site: Site, ids: Sequence[str], deployment: Deployment | None, title: str, done: str) -> None:
        """Watch apps until a deployment is through, or without one until they are ready; say where they listen."""
        from mesosctl.cli.app_progress import watch

        if deployment:
            title = f"{title}, deployment {deployment.id}"
        if not self.wait:
            self.tell(title)
            return
        gone = done == DESTROYED
        how: dict[str, Any] = {"title": title, "timeout": self.timeout, "quiet": self.quiet, "gone": gone}
        picture = watch(site.marathon, ids, deployment, **how)
        for id in ids:
            app = picture.apps.get(id)
            self.tell(f"{click.style('✔', fg='green')} {id} is {done}{f': {app.summary}' if app else ''}")
            for address in app.addresses if app else ():
                self.tell(f"  {address}")


def follow_options(function: Function) -> Function:
    """Adds --wait/--no-wait and those of `limit_options`; the command gets them as one `follow: Follow`."""

    @functools.wraps(function)
    def inject(*args: Any, **kwargs: Any) -> Any:
        follow = Follow(kwargs.pop("wait", True), kwargs.pop("timeout"), kwargs.pop("quiet"))
        return function(*args, follow=follow, **kwargs)

    wait = click.option("--wait/--no-wait", default=True, show_default=True, help="Come back when it is deployed.")
    return wait(_limits(inject))  # type: ignore[no-any-return]


def _limits(function: Any) -> Any:
    timeout = click.option(
        "--timeout",
        type=click.FloatRange(min=0.1),
        default=600.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait; the deployment itself goes on.",
    )
    return timeout(click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")(function))


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option("--id", metavar="ID", help="Run it under this id.")
@click.option("--instances", type=click.IntRange(min=0), metavar="N", help="Run this many of it.")
@force_option
@follow_options
@connection_options
def run(
    files: tuple[str, ...], id: str | None, instances: int | None, force: bool, follow: Follow, site: Site
) -> ExitCode:
    """Run apps or groups from definitions in JSON or YAML; - is standard input.

    Follows each deployment to its end, then says where the instances listen. An app that is there already and does
    what the definition says is left alone; where something differs this ends with 4 and says what: see `app update`.
    """
    from mesosctl.apps.definition import named, read

    found = [definition for file in files for definition in read(file)]
    if len(found) > 1 and (id is not None or instances is not None):
        raise UsageError("--id and --instances are for one app, and there are several")
    definitions = [named(definition, id) for definition in found]
    if instances is not None:
        if definitions[0].is_group:
            raise UsageError("--instances is for an app, and this is a group")
        definitions[0].body["instances"] = instances
    begun = [(definition, _begin(site, definition, force, follow)) for definition in definitions]
    for definition, deployment in begun:
        done = "deployed" if deployment else "running"
        follow.deployment(site, definition.app_ids, deployment, f"run {definition.id}", done)
    return ExitCode.OK


def _begin(site: Site, definition: Definition, force: bool, follow: Follow) -> Deployment | None:
    """The deployment; None where all is there already. Raises RefusedError where it is another one."""
    from mesosctl.apps.errors import Exists

    try:
        if definition.is_group:
            return site.marathon.create_group(definition.body, force=force)
        return site.marathon.create(definition.body, force=force)
    except Exists:
        if lines := _other(site, definition):
            fix = f"change it: mesosctl app update {definition.id} {definition.source}"
            if definition.is_group:
                fix = "change its apps one by one (mesosctl app update), or destroy it first (mesosctl app destroy -g)"
            what = "\n".join([f"{definition.id} exists already, and is another one:", *lines])
            raise RefusedError(what, fix=fix) from None
    follow.tell(f"{definition.id} exists already, as the definition says")
    return None


def _other(site: Site, definition: Definition) -> list[str]:
    """In what the apps of a definition differ from those that exist, a line each."""
    from mesosctl.apps.compare import differences
    from mesosctl.apps.errors import NotFound
    from mesosctl.cli.app_show import short

    lines = []
    for id, body in definition.apps:
        try:
            found = differences(body, site.marathon.app(id))
        except NotFound:
            lines.append(f"  there is no app {id}")
            continue
        of = f"{id} " if definition.is_group else ""
        lines += [f"  {of}{each.field}: is {short(each.now)}, wanted {short(each.wanted)}" for each in found]
    return lines


@click.command()
@id_argument
@click.argument("instances", metavar="N", type=click.IntRange(min=0))
@force_option
@follow_options
@connection_options
def scale(id: str, instances: int, force: bool, follow: Follow, site: Site) -> None:
    """Run N instances of an app; 0 suspends it."""
    from mesosctl.apps.client import absolute

    id = absolute(id)
    site.marathon.app(id)  # an update would create it
    deployment = site.marathon.update(id, {"instances": instances}, force=force)
    follow.deployment(site, [id], deployment, f"scale {id} to {instances}", "deployed")


@click.command()
@id_argument
@force_option
@follow_options
@connection_options
def restart(id: str, force: bool, follow: Follow, site: Site) -> None:
    """Replace all instances of an app by new ones, as its upgrade strategy says."""
    from mesosctl.apps.client import absolute

    id = absolute(id)
    deployment = site.marathon.restart(id, force=force)
    follow.deployment(site, [id], deployment, f"restart {id}", "restarted")


@click.command()
@id_argument
@click.argument("changes", metavar="FILE|KEY=VALUE...", nargs=-1, required=True)
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would change; ends with 2 if anything would.")
@click.option("--replace", is_flag=True, help="What the file leaves out goes back to its default.")
@force_option
@follow_options
@connection_options
def update(
    id: str, changes: tuple[str, ...], dry_run: bool, replace: bool, force: bool, follow: Follow, site: Site
) -> ExitCode:
    """Change an app, by a definition or field by field.

    For instance: mesosctl app update web instances=3 cpus=0.5 env.MODE=fast env.OLD- container.docker.image=web:2
    healthChecks.0.path=/up. A value is JSON where it is any, text otherwise; KEY- takes a field away. Fields that a
    FILE leaves out stay as they are.
    """
    from mesosctl.apps.client import absolute
    from mesosctl.apps.edit import changed, diff, is_assignment

    id = absolute(id)
    files = [each for each in changes if not is_assignment(each)]
    words = [each for each in changes if is_assignment(each)]
    if len(files) > 1 or (replace and not files):
        raise UsageError("an app has one definition" if len(files) > 1 else "--replace needs a definition")
    app = site.marathon.app(id)
    wanted = changed(app, files[0] if files else None, words)
    lines = diff(app, wanted, whole=replace)
    if dry_run:
        for line in lines:
            click.echo(_coloured(line))
        return ExitCode.CHANGES_PENDING if lines else ExitCode.OK
    deployment = site.marathon.update(id, wanted, force=force, whole=replace)
    follow.deployment(site, [id], deployment, f"update {id}", "deployed")
    return ExitCode.OK


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True, shell_complete=complete_id)
@click.option("-g", "--group", is_flag=True, help="The ids are those of groups: all their apps go.")
@yes_option
@force_option
@follow_options
@connection_options
def destroy(ids: tuple[str, ...], group: bool, yes: bool, force: bool, follow: Follow, site: Site) -> None:
    """Destroy apps: their instances are ended, and Marathon forgets them."""
    from mesosctl.apps.client import absolute
    from mesosctl.apps.definition import apps_of

    marathon = site.marathon
    below: dict[str, list[str]] = {}
    for id in map(absolute, ids):
        below[id] = [name for name, _ in apps_of(marathon.group(id))] if group else [str(marathon.app(id)["id"])]
    if not yes:
        names = [name for each in below.values() for name in each]
        if not sys.stdin.isatty():
            raise UsageError("there is nobody to ask whether to go on", fix="give --yes")
        if not click.confirm(f"Destroy {', '.join(names) or ', '.join(below)}?"):
            raise RefusedError("nothing was changed")
    for id, names in below.items():
        deployment = (marathon.destroy_group if group else marathon.destroy)(id, force=force)
        follow.deployment(site, names, deployment, f"destroy {id}", DESTROYED)


@click.command(short_help="Wait until apps are deployed.")
@click.argument("ids", metavar="ID...", nargs=-1, required=True, shell_complete=complete_id)
@functools.partial(_limits)
@connection_options
def wait(ids: tuple[str, ...], timeout: float, quiet: bool, site: Site) -> None:
    """Wait until apps are deployed: all their instances run, and are healthy where that is checked."""
    from mesosctl.apps.client import absolute

    names = [absolute(id) for id in ids]
    for name in names:
        site.marathon.app(name)
    Follow(True, timeout, quiet).deployment(site, names, None, f"wait for {', '.join(names)}", "ready")


def _coloured(line: str) -> str:
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
    return click.style(line, fg=colour) if colour else line
