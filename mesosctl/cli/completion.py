"""`mesosctl completion`: the script that completes commands, options, and the names that --limit takes."""

from __future__ import annotations

from contextlib import suppress

import click
from click.shell_completion import get_completion_class

from mesosctl.errors import MesosctlError

WHERE = {
    "bash": "mesosctl completion bash > /etc/bash_completion.d/mesosctl",
    "zsh": "mesosctl completion zsh > /usr/local/share/zsh/site-functions/_mesosctl",
    "fish": "mesosctl completion fish > ~/.config/fish/completions/mesosctl.fish",
}


@click.command(epilog="For instance: " + WHERE["bash"])
@click.argument("shell", type=click.Choice(list(WHERE)))
def completion(shell: str) -> None:
    """Print the shell completion script."""
    kind = get_completion_class(shell)
    assert kind is not None  # the three shells are click's own
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, "mesosctl", "_MESOSCTL_COMPLETE").source())


def limit_words(named: str | None, incomplete: str) -> list[str]:
    """What --limit could go on with: hosts, roles and stages of the inventory that is named or found."""
    from mesosctl.inventory.find import find_inventory
    from mesosctl.inventory.load import load_inventory
    from mesosctl.inventory.model import Role
    from mesosctl.tasks import STAGES

    names = [*Role, *(stage.name for stage in STAGES)]
    with suppress(MesosctlError):  # the command itself will say what is wrong
        names = [host.name for host in load_inventory(find_inventory(named), require_secrets=False).hosts] + names
    head, comma, last = incomplete.rpartition(",")
    return [f"{head}{comma}{name}" for name in names if name.startswith(last)]
