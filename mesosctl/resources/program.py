"""Turns resources into one POSIX-sh program; `mesosctl.resources.reader` makes results of the lines it prints.

The program is `prelude.sh` and one call for each resource inside `main() { … }; main </dev/null`, so that a transfer
that is cut off runs nothing. Consecutive files and directories are looked at with one `sha256sum` and one `stat`;
only what differs costs further processes. Result lines begin with a random nonce, because login shells print what
they like:

    NONCE INDEX ok|changed|pending|failed|skipped MESSAGE
    NONCE INDEX begin | old BASE64 | out LINE | note LINE | member MODE
    NONCE end

INDEX counts the resources from 0, or is `lock` where the host is locked.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from mesosctl.resources.types import (
    Account,
    Archive,
    Block,
    Command,
    Directory,
    File,
    Link,
    Packages,
    Resource,
    Restored,
    Retired,
    Service,
    Setting,
)

STATE_DIR = "/var/lib/mesosctl"
"""Where a host keeps what is needed to take everything back; the prelude's S."""

SAFE_PATH = re.compile(r"/[A-Za-z0-9_.,:@%+=/~-]*")
"""Paths are used unquoted in lists of the program; anything else is a defect of the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How a program treats its resources."""

    write: bool
    """False: only look, and report what would change."""
    unset: bool = False
    """Take back instead of reach."""
    diff: bool = False
    """Send old content, so that diffs can be made."""


PLAN = Mode(write=False, diff=True)
APPLY = Mode(write=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The lock that a writing program takes or renews on its host.

    `run` and `controller` identify the run and the machine it is started from, `seconds` is how long the lock
    lasts without being renewed, `owner` is what others are shown.
    """

    run: str
    controller: str
    seconds: int
    owner: str


def compile_program(
    resources: Sequence[Resource],
    mode: Mode,
    *,
    nonce: str,
    step_timeout: int,
    lock: Lock | None = None,
    unlock: bool = False,
    dirty: frozenset[str] = frozenset(),
) -> str:
    """The program for one host and stage.

    `step_timeout` is in seconds for one package or service step. `dirty` names services that earlier stages of a
    dry run would restart. With `unlock` the lock is given back at the end.
    """
    body = [f"d={int(mode.diff)} limit={step_timeout} dirty={_q(' '.join(sorted(dirty)))}\nopen_state\n"]
    body += _steps(resources, mode.unset)
    return assemble(body, nonce=nonce, write=mode.write, lock=lock, unlock=unlock)


def assemble(body: Sequence[str], *, nonce: str, write: bool, lock: Lock | None = None, unlock: bool = False) -> str:
    """A whole program of some steps: the prelude before them, the host's lock around them, and the line `NONCE end`
    as the last thing printed."""
    parts = [_prelude(), "main() {\n", f"n={nonce} w={int(write)}\n"]
    if lock:
        parts.append(f"lock {_words(lock.run, lock.controller, str(lock.seconds), lock.owner)}\n")
    parts += body
    if lock and unlock:
        parts.append(f"unlock {_q(lock.run)}\n")
    parts.append('speak\nprintf "%s end\\n" "$n"\n}\nmain </dev/null\n')
    return "".join(parts)


@functools.cache
def _prelude() -> str:
    text = importlib.resources.files(__package__).joinpath("prelude.sh").read_text()
    return "".join(line for line in text.splitlines(keepends=True) if not re.match(r"\s*#|\s*$", line))


def _steps(resources: Sequence[Resource], unset: bool) -> Iterator[str]:
    indexed = list(enumerate(resources))
    if unset:
        # What only reads the configuration of others (a running Docker) is restarted once all of it is taken back.
        readers = [item for item in indexed if isinstance(item[1], Service) and item[1].only_if_installed]
        own = [item for item in reversed(indexed) if item not in readers]
        yield from (f"{_unset(resource, index)}\n" for index, resource in [*own, *readers])
        return
    for batched, group in groupby(indexed, key=lambda item: isinstance(item[1], File | Directory)):
        if batched:
            yield from _batch([(index, item) for index, item in group if isinstance(item, File | Directory)])
        else:
            yield from (f"{_set(resource, index)}\n" for index, resource in group)


def _batch(batch: list[tuple[int, File | Directory]]) -> Iterator[str]:
    yield f"files {_q(' '.join(_path(item.path) for _, item in batch))}\n"
    for index, item in batch:
        yield _directory(item, index) if isinstance(item, Directory) else _file(item, index)
    yield "flush\n"


def _directory(item: Directory, index: int) -> str:
    return f"directory {index} {_words(_mode(item), _owner(item), _path(item.path), _services(item))}\n"


@functools.lru_cache(maxsize=1024)  # most files are the same on many hosts
def _file(item: File, index: int) -> str:
    digest, mode, owner = hashlib.sha256(item.content.encode()).hexdigest(), _mode(item), _owner(item)
    # a mode that a new file can be given by umask costs no process
    masked = 0o666 & ~int(mode, 8) if int(mode, 8) & ~0o666 == 0 else 0o077
    words = _words(digest, mode, owner, _path(item.path), _escaped(item.path), _services(item), f"{masked:03o}")
    steps = [] if owner == "root:root" else [f'chown {_q(owner)} "$t"']
    steps += [f'chmod {mode} "$t"'] if int(mode, 8) & ~0o666 else []
    steps.append(f'printf %s {_q(item.content)} >"$t"')
    return f"if file {index} {words}; then\n{' && '.join(steps)}\nwritten $? {index}\nfi\n"


def _mode(item: File | Directory) -> str:
    """As `stat -c %a` prints it."""
    return item.mode.lstrip("0") or "0"


def _owner(item: File | Directory | Block | Archive) -> str:
    return f"{item.owner}:{item.group}"


_q = shlex.quote


def _words(*words: str) -> str:
    return " ".join(_q(word) for word in words)


def _services(item: Resource) -> str:
    return " ".join(item.notify)


def _path(path: str) -> str:
    if not SAFE_PATH.fullmatch(path):
        raise ValueError(f"unsafe path {path!r}")
    return path


def _escaped(path: str) -> str:
    """The name under which a path's original is kept: no folder separators."""
    return path.replace("/", "%")


def _pattern(key: str) -> str:
    """A basic regular expression that matches the key itself."""
    return re.sub(r"([.\[\]*^$/\\])", r"\\\1", key)


def block_text(item: Block) -> str:
    """The block with its marker lines as it stands in the file, without a last newline; "" for an empty block."""
    begin, end = _markers(item)
    content = item.content.rstrip("\n")
    return f"{begin}\n{content}\n{end}" if content else ""


def _markers(item: Block) -> tuple[str, str]:
    return f"{item.comment} BEGIN mesosctl {item.name}", f"{item.comment} END mesosctl {item.name}"


def _block(item: Block, text: str, index: int) -> str:
    begin, end = _markers(item)
    words = _words(_path(item.path), item.name, begin, end, text, item.mode, _owner(item), _services(item))
    return f"block {index} {words}"


@functools.singledispatch
def _set(resource: Resource, index: int) -> str:
    """The call that reaches a state."""
    raise TypeError(f"no program for {type(resource).__name__}")


@functools.singledispatch
def _unset(resource: Resource, index: int) -> str:
    """The call that takes a state back."""
    raise TypeError(f"no program for {type(resource).__name__}")


@_unset.register(File)
@_unset.register(Link)
@_unset.register(Restored)
@_set.register
def _(item: Restored, index: int) -> str:
    return f"restore {index} {_words(_path(item.path), _escaped(item.path), _services(item))}"


@_unset.register
def _(item: Directory, index: int) -> str:
    return f"undirectory {index} {_words(_path(item.path))}"


@_set.register
def _(item: Block, index: int) -> str:
    return _block(item, block_text(item), index)


@_unset.register
def _(item: Block, index: int) -> str:
    return _block(item, "", index)


@_set.register
def _(item: Setting, index: int) -> str:
    line = f"{item.key}={item.value}"
    return f"setting {index} {_words(_path(item.path), item.key, line, _pattern(item.key), _services(item))}"


@_unset.register
def _(item: Setting, index: int) -> str:
    return f"unsetting {index} {_words(_path(item.path), item.key, _pattern(item.key), _services(item))}"


@_set.register
def _(item: Link, index: int) -> str:
    return f"link {index} {_words(_path(item.path), item.target, _services(item))}"


@_set.register
def _(item: Account, index: int) -> str:
    return f"account {index} {_words(item.name, item.home)}"


@_unset.register
def _(item: Account, index: int) -> str:
    return f"say {index} ok kept"


@_set.register
def _(item: Packages, index: int) -> str:
    exports = "".join(f"export {name}={_q(value)}; " for name, value in item.proxy)
    return f"{exports}packages {index} {_words(item.manager, ' '.join(item.names))}"


@_unset.register
def _(item: Packages, index: int) -> str:
    return f"unpackages {index} {_words(item.manager, ' '.join(item.names))}"


@_set.register
def _(item: Archive, index: int) -> str:
    return f"archive {index} {_words(item.sha256, _path(item.path), _owner(item), _services(item))}"


@_unset.register
def _(item: Archive, index: int) -> str:
    return f"unarchive {index} {_words(_path(item.path))}"


@_set.register
def _(item: Service, index: int) -> str:
    seconds, switches = str(item.ready_timeout), (item.only_if_installed, item.restart, item.start)
    words = (
        item.name,
        item.manager,
        item.ready,
        seconds,
        *(str(int(switch)) for switch in switches),
        item.member,
        item.log,
        item.needs,
    )
    return f"service {index} {_words(*words)}"


@_unset.register
def _(item: Service, index: int) -> str:
    return _set(item, index) if item.only_if_installed else _retired(item, index)


@_unset.register(Retired)
@_set.register(Retired)
def _retired(item: Service | Retired, index: int) -> str:
    return f"unservice {index} {_words(item.name, item.manager)}"


@_set.register
def _(item: Command, index: int) -> str:
    return f"command_ {index} {_words(item.check, item.apply, _services(item))}"


@_unset.register
def _(item: Command, index: int) -> str:
    return f"uncommand {index} {_words(item.check, item.revert, _services(item))}"
