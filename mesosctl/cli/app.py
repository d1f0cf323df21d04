"""`mesosctl app`: apps on the cluster's Marathon.

Its commands are in the modules `app_change`, `app_show` and `app_logs`.
"""

from __future__ import annotations

import click

from mesosctl.cli.app_change import destroy, restart, run, scale, update, wait
from mesosctl.cli.app_logs import logs
from mesosctl.cli.app_show import list_, show


@click.group(short_help="Run, show, change and remove apps on Marathon.")
def app() -> None:
    """Run, show, change and remove apps on Marathon.

    Marathon is found through the inventory, or named with --marathon. Commands that change something show what becomes
    of it and end with 0 when it is done, with 1 where it fails or takes longer than --timeout.
    """


for command in (run, list_, show, scale, restart, update, destroy, wait, logs):
    app.add_command(command)
