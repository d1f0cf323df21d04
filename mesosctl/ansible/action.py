"""The Ansible action `mesosctl_chapters`: chapters of the guide, carried out on a host by Ansible's connection.

    - mesosctl_chapters:
        chapters: [java, zookeeper_package, zookeeper]     # in this order
        inventory: inventory.yaml                          # of mesosctl, on the controller
        step_timeout: 900                                  # seconds for one package or service

It knows check mode and diffs, needs nothing on the host but sh, and takes two round trips.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from mesosctl.ansible.chapters import Chapters
from mesosctl.engine.report import Result, Status
from mesosctl.errors import MesosctlError

STEP_SECONDS = 900


class ActionModule(ActionBase):  # type: ignore[misc]
    """What Ansible looks for in a file of that name among its action plugins."""

    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _, arguments = self.validate_argument_spec(
            argument_spec={
                "chapters": {"type": "list", "elements": "str", "required": True},
                "inventory": {"type": "path", "required": True},
                "step_timeout": {"type": "int", "default": STEP_SECONDS},
            }
        )
        try:
            chapters = Chapters(
                Path(arguments["inventory"]), variables["inventory_hostname"], self._execute, self._copy
            )
            done = chapters.carry_out(
                arguments["chapters"],
                write=not self._task.check_mode,
                diff=bool(self._task.diff),
                step_timeout=arguments["step_timeout"],
            )
        except MesosctlError as error:
            raise AnsibleActionFail(str(error)) from None
        changed = [each for each in done.results if each.status in (Status.CHANGED, Status.PENDING)]
        result["changed"] = bool(changed)
        result["resources"] = [_told(each) for each in changed]
        result["diff"] = [{"prepared": each.diff} for each in changed if each.diff]
        result["warnings"] = list(done.notes)
        return result

    def _execute(self, program: str, on_line: Callable[[str], None]) -> None:
        """Runs a program that comes on standard input: no file of it is left, no list of processes shows it.

        Why it failed is for it to say; only where it says nothing at all it was never run.
        """
        done = self._low_level_execute_command("sh -s", in_data=program.encode())
        if done["rc"] != 0 and not done["stdout"].strip():
            raise MesosctlError(f"the host's shell ended with {done['rc']}: {done['stderr'].strip()[-2000:]}")
        for line in done["stdout"].split("\n"):
            on_line(line)

    def _copy(self, source: Path, path: str) -> None:
        folder = self._make_tmp_path()
        try:
            remote = self._transfer_file(str(source), self._connection._shell.join_path(folder, "archive"))
            done = self._low_level_execute_command(
                f"mkdir -p {path.rpartition('/')[0]} && install -m 0600 {remote} {path}.part && mv {path}.part {path}"
            )
            if done["rc"] != 0:
                raise MesosctlError(f"{path} could not be written: {done['stderr'].strip()}")
        finally:
            self._remove_tmp_path(folder)


def _told(result: Result) -> str:
    return f"{result.resource}: {result.message}" if result.message else result.resource
