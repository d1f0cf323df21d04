"""Flags from a command line and an environment, by the rules and with the words of Mesos.

`--name=value`, `--name value`, `--name` and `--no-name` for switches; `MESOS_name` in any case, which the command line
beats; `file:///path` is read from that file. An unknown flag is an error, an unknown variable a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from mesosctl.runtime.flags.declare import Declaration, Flags
from mesosctl.runtime.flags.kinds import TEXT

F = TypeVar("F", bound=Flags)

ENVIRONMENT_PREFIX = "MESOS_"


class FlagError(Exception):
    """A command line or an environment that a program cannot start with."""


def load(flags: type[F], arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[F, list[str]]:
    """The flags and the warnings to log. `arguments` without the program's name. Raises FlagError."""
    declared = flags.declarations()
    declared |= {name: Declaration(name, TEXT, default, "") for name, default in flags.ACCEPTED.items()}
    given, warnings = _from_environment(declared, environment)
    given |= _from_arguments(declared, arguments)
    warnings += [f"Flag '{name}' has no effect in this runtime" for name in sorted(given.keys() & flags.ACCEPTED)]

    values: dict[str, Any] = {}
    accepted: dict[str, str] = {}
    for name, declaration in declared.items():
        text = given.get(name, declaration.default)
        if text is None and declaration.required:
            raise FlagError(f"Flag '{name}' is required, but it was not provided")
        value = None if text is None else _value(declaration, text)
        if name not in flags.ACCEPTED:
            values[name] = value
        elif value is not None:
            accepted[name] = value
    return flags(accepted=accepted, **values), warnings


def _from_environment(
    declared: Mapping[str, Declaration], environment: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    given: dict[str, str] = {}
    warnings = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if name in declared:
            given[name] = text
        else:
            warnings.append(f"Environment variable {variable} names no flag and is ignored")
    return given, warnings


def _from_arguments(declared: Mapping[str, Declaration], arguments: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for written, text in _split(declared, arguments):
        name, negated = _known(declared, written)
        if name in given:
            raise FlagError(f"Failed to load duplicate flag '{name}'")
        given[name] = _switch_text(declared[name], text, negated)
    return given


def _split(declared: Mapping[str, Declaration], arguments: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Names as written, with their values; None where there is none. Ends at `--`."""
    rest = iter(range(len(arguments)))
    for index in rest:
        argument = arguments[index]
        if argument == "--":
            return
        if not argument.startswith("--"):
            raise FlagError(f"Unexpected argument '{argument}': flags are written --name=value")
        name, equals, text = argument.removeprefix("--").partition("=")
        name = name.lower()
        following = arguments[index + 1] if index + 1 < len(arguments) else "--"
        if equals:
            yield name, text
        elif name in declared and not declared[name].kind.is_switch and not following.startswith("--"):
            next(rest)
            yield name, following
        else:
            yield name, None


def _known(declared: Mapping[str, Declaration], written: str) -> tuple[str, bool]:
    """The flag that is meant, and whether `no-` stands before it."""
    if written in declared:
        return written, False
    positive = written.removeprefix("no-")
    if positive not in declared:
        raise FlagError(f"Failed to load unknown flag '{written}'")
    return positive, True


def _switch_text(declaration: Declaration, text: str | None, negated: bool) -> str:
    name = declaration.name
    if negated and not declaration.kind.is_switch and declaration.default not in ("true", "false"):
        raise FlagError(f"Failed to load non-boolean flag '{name}' via 'no-{name}'")
    if negated and text:
        raise FlagError(f"Failed to load boolean flag '{name}' via 'no-{name}' with value '{text}'")
    if negated:
        return "false"
    if text is not None:
        return text
    if not declaration.kind.is_switch and declaration.default not in ("true", "false"):
        raise FlagError(f"Failed to load non-boolean flag '{name}': Missing value")
    return "true"


def _value(declaration: Declaration, text: str) -> Any:
    try:
        if declaration.kind.from_file and text.startswith("file://"):
            text = _file(text.removeprefix("file://"))
        return declaration.kind.read(text)
    except ValueError as error:
        raise FlagError(f"Failed to load flag '{declaration.name}': Failed to load value '{text}': {error}") from None


def _file(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"Error reading file '{path}': {error}") from None
