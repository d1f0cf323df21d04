"""The desired states that a chapter task can ask for.

A resource is data: it says what shall hold on a host, never how. `mesosctl.resources.program` turns a list of them
into one POSIX-sh program. Each can be set (reach the state) and unset (take back what was put there: the original
content returns, what was created goes away).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Base of all resources."""

    notify: tuple[str, ...] = ()
    """Services whose running process reads this; they are restarted when it changes. Also `apt-lists` for package
    sources, so that the next package installation refreshes the lists."""

    @property
    def id(self) -> str:
        """Names the resource within a host, e.g. `file /etc/wgetrc`; also what the screen shows."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory(Resource):
    """A directory. Existing content stays; unset removes it only if it was created here and is empty."""

    path: str
    mode: str = "0755"
    owner: str = "root"
    group: str = "root"

    @property
    def id(self) -> str:
        return f"directory {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Resource):
    """A whole file. What was there before is kept and comes back on unset. Missing parents are made (0755, root)."""

    path: str
    content: str
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"

    @property
    def id(self) -> str:
        return f"file {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored(Resource):
    """A file that is no longer wanted: what it held before mesosctl wrote it comes back, or it goes away."""

    path: str

    @property
    def id(self) -> str:
        return f"file {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Resource):
    """Lines of our own, between marker lines, at the end of a file that others write too.

    An empty `content` removes the block. `comment` starts the marker lines. Mode, owner and group count only where
    the file does not exist yet; but where the mode leaves nothing to others, they lose what they could do with the
    file as long as the block is in it. `name` tells several blocks of one file apart.
    """

    path: str
    name: str
    content: str
    comment: str = "#"
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"

    @property
    def id(self) -> str:
        return f"block {self.name} in {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Resource):
    """One `KEY=value` line of a file that others write too; the first such line is changed, or one is appended.

    Nothing happens where the file does not exist.
    """

    path: str
    key: str
    value: str

    @property
    def id(self) -> str:
        return f"setting {self.key} in {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Resource):
    """A symbolic link."""

    path: str
    target: str

    @property
    def id(self) -> str:
        return f"link {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(Resource):
    """A system user with a group of the same name and no login. Unset keeps it: files may belong to it."""

    name: str
    home: str

    @property
    def id(self) -> str:
        return f"user {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages(Resource):
    """OS packages. Unset removes those that were installed here."""

    names: tuple[str, ...]
    manager: str
    """`apt`, `dnf` or `yum`."""
    proxy: tuple[tuple[str, str], ...] = ()
    """Environment for the package manager; it does not read profile.d."""

    @property
    def id(self) -> str:
        return f"packages {' '.join(self.names)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive(Resource):
    """A tarball of the controller unpacked into `path`, without its first folder level."""

    source: Path
    sha256: str
    path: str
    owner: str = "root"
    group: str = "root"

    @property
    def id(self) -> str:
        return f"archive {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Resource):
    """A service that runs now and after a reboot.

    It is restarted when a resource that notifies it has changed since its process was started, also when the change
    came from an earlier, interrupted run. `ready` is a sh command that succeeds once the service does its work;
    it is asked every half second for `ready_timeout` seconds after a start.
    """

    name: str
    manager: str = "systemd"
    """`systemd`, or `script` for /etc/init.d/NAME with start, stop, restart and status."""
    ready: str = ""
    ready_timeout: int = 60
    """Seconds."""
    only_if_installed: bool = False
    """The service belongs to something else and only reads what was changed: it is restarted where it runs, and never
    started, enabled, stopped or disabled."""
    start: bool = True
    """False: one that does not run is left so; it is enabled, and restarted where it runs. If it was not ready before
    such a restart, it need not be after it: it must stay up."""
    restart: bool = True
    """False: reload the unit files but leave a running process alone."""
    needs: str = ""
    """A sh command that prints what others must do first for it to become ready, or nothing."""
    log: str = ""
    """Path of the service's own log file, whose last lines are told where it does not become ready."""
    member: str = ""
    """For a service that is one of several that vote: a sh command that prints what this one is (`leader`,
    `follower`, …), or nothing while it takes no part. A rolling stage restarts one member at a time, the leader last.
    """

    @property
    def id(self) -> str:
        return f"service {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired(Resource):
    """A service that is no longer wanted: stopped and disabled where it was started or enabled by mesosctl. Its unit or
    script is a file of its own."""

    name: str
    manager: str
    """As of a service."""

    @property
    def id(self) -> str:
        return f"service {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Resource):
    """A state that only a command can check and reach. The three texts are POSIX sh.

    `check` succeeds when the state holds; `apply` reaches it; `revert` (may be empty) takes it back. A line
    `note: …` that `check` prints is told to the operator, e.g. that a reboot is required.
    """

    name: str
    check: str
    apply: str
    revert: str = ""

    @property
    def id(self) -> str:
        return self.name
