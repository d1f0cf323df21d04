"""Asking hosts: one program each that only looks, and its answer as keyed lines `NONCE KEY VALUE`.

The programs are the `*.sh` files beside this module; they print their lines with `tell KEY VALUE`.
"""

from __future__ import annotations

import importlib.resources
import secrets
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from mesosctl.engine.causes import lost
from mesosctl.inventory.model import Host
from mesosctl.resources.program import assemble

if TYPE_CHECKING:
    from mesosctl.engine.run import Run

TELL = """tell() { printf '%s %s %s\\n' "$n" "$1" "$2"; }\n"""


class Answer:
    """What one program printed: the values of each key, in their order."""

    def __init__(self, nonce: str) -> None:
        self._prefix = f"{nonce} "
        self._values: dict[str, list[str]] = {}
        self.complete = False
        """The program ran to its end."""

    def line(self, line: str) -> None:
        """Takes one line of the program's output; lines without the nonce are noise of the login."""
        if not line.startswith(self._prefix):
            return
        key, _, value = line[len(self._prefix) :].partition(" ")
        if key == "end":
            self.complete = True
        self._values.setdefault(key, []).append(value)

    def first(self, key: str) -> str:
        """The first value of a key without blanks around it, "" where there is none."""
        return self._values.get(key, [""])[0].strip()

    def all(self, key: str) -> list[str]:
        return self._values.get(key, [])

    def pairs(self, key: str) -> list[tuple[str, str]]:
        """The values of a key, each cut at its first blank."""
        pairs = [value.strip().partition(" ") for value in self.all(key)]
        return [(first, second) for first, _, second in pairs]


Kind = TypeVar("Kind", bound=Answer)


def script(name: str, variables: Mapping[str, str]) -> str:
    """The text of a program of this folder, its variables set before it."""
    head = "".join(f"{key}={shlex.quote(value)}\n" for key, value in variables.items())
    return head + importlib.resources.files(__package__).joinpath(name).read_text()


def ask(run: Run, stage: str, body: Callable[[Host], str], *, hosts: Sequence[Host] | None = None) -> dict[str, Answer]:
    """The answers of the run's hosts (or of some) to a program, by host; one that fails drops out of the run."""
    answers: dict[str, Answer] = {}

    def work(host: Host) -> None:
        answers[host.name] = ask_one(run, host, body(host), Answer, timeout=run.options.host_timeout)

    run.on_hosts(stage, run.alive if hosts is None else hosts, work)
    return answers


def ask_one(run: Run, host: Host, body: str, answer_of: Callable[[str], Kind], *, timeout: float) -> Kind:
    """The answer of one host; `answer_of` makes an empty one for a nonce. Raises TransportError."""
    nonce = secrets.token_hex(8)
    answer = answer_of(nonce)
    run.connection(host).run(assemble([TELL, body], nonce=nonce, write=False), answer.line, timeout=timeout)
    if not answer.complete:
        raise lost(host.name)
    return answer
