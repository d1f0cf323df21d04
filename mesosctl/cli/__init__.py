"""The command line: parses and presents, holds no logic.

Commands are imported when they are called, so that `mesosctl --help` costs little more than click itself.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence

import click

from mesosctl import __version__
from mesosctl.errors import ExitCode, MesosctlError

COLLECT_AFTER = 50_000
"""New objects before Python looks for garbage. Commands are short and have little: its default costs a tenth of the CPU
of a run over many hosts."""

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module:attribute, one line of help); a test holds the line and the command's own help together
    "init": ("inventory:init", "Write a commented inventory for the hosts given."),
    "validate": ("inventory:validate", "Check an inventory and report every problem at once."),
    "schema": ("inventory:schema", "Print the JSON Schema of the inventory, for editors."),
    "inventory": ("ansible:inventory", "Print the inventory for Ansible."),
    "hosts": ("hosts:hosts", "Trust the hosts' SSH keys, and list what is trusted."),
    "keys": ("keys:keys", "Create, push, rotate and revoke the cluster's SSH keys."),
    "check": ("check:check", "Look whether the hosts are fit for the cluster, before anything is changed."),
    "plan": ("bootstrap:plan", "Show what bootstrap would change, as diffs; changes nothing."),
    "bootstrap": ("bootstrap:bootstrap", "Bring all hosts to the state that the inventory declares."),
    "proxy": ("proxy:proxy", "Set, unset, show and test the proxy settings of every tool."),
    "selinux": ("selinux:selinux", "Show or set the SELinux mode."),
    "render": ("render:render", "Write all files of all hosts into a folder, without contacting a host."),
    "start-cluster": ("services:start_cluster", "Start the services of the cluster."),
    "stop-cluster": ("services:stop_cluster", "Stop the services of the cluster."),
    "status": ("services:status", "Show each host's services, ZooKeeper's quorum, the leading master and Marathon."),
    "app": ("app:app", "Run, show, change and remove apps on Marathon."),
    "verify": ("verify:verify", "Ask the hosts whether the promises of the guide hold."),
    "exec": ("remote:exec_", "Run a command on the hosts."),
    "logs": ("remote:logs", "Show the logs of a service from all its hosts."),
    "audit": ("audit:audit", "Show who ran what, when, and with which result."),
    "reset": ("bootstrap:reset", "Take back what mesosctl put on the hosts."),
    "lab": ("lab:lab", "Make and remove throw-away hosts on this machine."),
    "completion": ("completion:completion", "Print the shell completion script."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"mesosctl.cli.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib  # only here: `--help` and every command start without it

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            ctx.fail(f"there is no command {args[0]}" + (f"; did you mean {near[0]}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mesosctl")
def root() -> None:
    """Prepare Linux hosts and run a ZooKeeper, Mesos and Marathon cluster on them.

    The inventory comes from the argument, from -i/--inventory, from MESOSCTL_INVENTORY, or is inventory.yaml in the
    working directory.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `mesosctl` program: runs a command and ends the process with its documented exit code."""
    gc.set_threshold(COLLECT_AFTER)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character gets a question mark
    try:
        code = root.main(args=arguments, prog_name="mesosctl", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except MesosctlError as error:
        click.echo(f"mesosctl: {error}", err=True)
        sys.exit(error.exit_code)
    except click.UsageError as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.FAILED)
    except (click.Abort, KeyboardInterrupt):
        click.echo("mesosctl: interrupted", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # nobody reads on; what is still buffered must not fail at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.OK)
    except Exception as error:
        click.echo(f"mesosctl: a defect of mesosctl: {type(error).__name__}: {error}\n  {_keep(error)}", err=True)
        sys.exit(ExitCode.INTERNAL)


def _keep(error: Exception) -> str:
    """Writes where a defect showed to a file, for those who can mend it; a line that says where."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="mesosctl-defect-", suffix=".txt", delete=False) as file:
        file.writelines(traceback.format_exception(error))
    return f"please report it, with {file.name}"
