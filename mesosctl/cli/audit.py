"""`mesosctl audit`: who ran what on a cluster, when, and with which result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from mesosctl.cli.common import inventory_option, output_option, table
from mesosctl.cli.summary import duration
from mesosctl.engine.audit import records
from mesosctl.errors import UsageError
from mesosctl.inventory.load import load_inventory

COLUMNS = ("TIME", "RUN", "WHO", "ACTION", "RESULT", "CHANGED", "TOOK", "FAILED HOSTS")


@click.command()
@inventory_option
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="The last N runs.")
@click.option("--run", "run_id", metavar="ID", help="All that is recorded of one run.")
@output_option
def audit(inventory: Path, last: int, run_id: str | None, output: str) -> None:
    """Show who ran what, when, and with which result.

    Runs that may change hosts are recorded on the machine they are started from; the newest comes last. A run that was
    killed, or that still goes on, has no end.
    """
    cluster = load_inventory(inventory, require_secrets=False)
    found = list(records(cluster))
    if run_id:
        found = [record for record in found if record["run"] == run_id]
        if not found:
            raise UsageError(f"there is no run {run_id} of {cluster.name} in the audit log of this machine")
    found = found[-last:]
    if output == "json":
        click.echo(json.dumps(found, indent=2))
    elif run_id:
        for key, value in found[0].items():
            click.echo(f"{key + ':':<14}{_text(value)}")
    elif found:
        table([COLUMNS, *(_row(record) for record in found)])
    else:
        click.echo(f"no runs on {cluster.name} yet", err=True)


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    return (
        record.get("time", "").replace("T", " ").rstrip("Z"),
        record["run"],
        record.get("user", ""),
        record.get("action", ""),
        record["result"],
        str(record.get("changed", "")),
        duration(record["seconds"]) if "seconds" in record else "",
        _text(record.get("failed_hosts") or record.get("error") or "").partition("\n")[0],
    )


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} ({item})" for key, item in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
