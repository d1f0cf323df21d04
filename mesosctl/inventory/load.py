"""From the file of an inventory to a `Cluster`, or to all of its problems at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mesosctl.inventory import nodes
from mesosctl.inventory.assemble import assemble
from mesosctl.inventory.checks import check
from mesosctl.inventory.model import Cluster
from mesosctl.inventory.problem import InvalidInventory, Problem, Severity
from mesosctl.inventory.reader import Reader
from mesosctl.inventory.source import Source
from mesosctl.inventory.spec import INVENTORY, elsewhere

MAX_SIZE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of an inventory. `cluster` is None where there are errors."""

    cluster: Cluster | None
    problems: tuple[Problem, ...]
    """Errors and warnings, in the file's order."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.WARNING)


def load_inventory(path: Path, *, require_secrets: bool = True) -> Cluster:
    """The cluster that an inventory declares. Raises InvalidInventory with every problem.

    Without `require_secrets` a secret whose variable or file is missing has the value None instead of being an error.
    """
    loaded = read(path, require_secrets=require_secrets)
    if loaded.cluster is None:
        raise InvalidInventory(path, loaded.problems)
    return loaded.cluster


def read(path: Path, *, require_secrets: bool = True) -> Loaded:
    """Like `load_inventory`, but returns the problems, warnings included. Raises nothing."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        return _unreadable(path, f"the inventory cannot be read: {reason}")
    if len(data) > MAX_SIZE:
        return _unreadable(path, f"the inventory is larger than {MAX_SIZE // 1024 // 1024} MiB")
    return read_bytes(data, path, require_secrets=require_secrets)


def read_bytes(data: bytes, path: Path, *, require_secrets: bool = True) -> Loaded:
    """Like `read` for what is, or will be, the content of the file `path`."""
    reader = Reader(path.absolute().parent, require_secrets=require_secrets, elsewhere=elsewhere)
    source = Source(path, data, reader)
    cluster = _cluster(source.text, path, reader) if source.text is not None else None
    problems = source.problems(reader.findings)
    failed = any(problem.severity is Severity.ERROR for problem in problems)
    return Loaded(None if failed else cluster, problems)


def _cluster(text: str, path: Path, reader: Reader) -> Cluster | None:
    root = nodes.compose(text, reader.malformed)
    if root is None:
        if not reader.findings:
            reader.error(nodes.Mark(1, 1), "the inventory is empty", expected=INVENTORY.expected)
        return None
    values = INVENTORY.values(root, (), reader)
    if values is None:
        return None
    cluster = assemble(values, path, reader)
    check(cluster, reader)
    return cluster


def _unreadable(path: Path, message: str) -> Loaded:
    return Loaded(None, (Problem(severity=Severity.ERROR, file=path, line=0, column=0, message=message),))
