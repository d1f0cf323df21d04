"""Names the cause of a failure, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable

from mesosctl.engine.report import Failure, Result
from mesosctl.transport.errors import TransportError

SIGNS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "no-space",
        ("No space left on device", "write error: No space", "You don't have enough free space", "Disk quota exceeded"),
        "free some space there, then run this again: it goes on where it stopped",
    ),
    (
        "read-only",
        ("Read-only file system",),
        "remount the file system writable (a disk error may have made it read-only; see dmesg), then run this again",
    ),
    (
        "keeps-ending",
        ("it ends each time it is started",),
        "its log says why; if that is a flag, set it right in the inventory and run `mesosctl bootstrap` again",
    ),
    (
        "no-master",
        ("no master answers", "no master leads"),
        "start the masters first: `mesosctl start-cluster` without --limit, or with --limit zookeeper,master",
    ),
    (
        "not-installed",
        ("there is no service",),
        "it has not been installed yet: run `mesosctl bootstrap` first",
    ),
    (
        "package-lock",
        (
            "Could not get lock",
            "is another process using it",
            "Unable to acquire the dpkg frontend lock",
            "waiting for lock",
        ),
        "another package manager runs on the host: wait until it has ended, then run this again",
    ),
    (
        "package-download",
        ("Failed to fetch", "Could not resolve", "Temporary failure resolving", "Cannot download", "Curl error"),
        "the host cannot reach its package sources: check its network, and the proxy with `mesosctl proxy test`",
    ),
    (
        "package-unknown",
        ("Unable to locate package", "has no installation candidate", "No match for argument", "No package "),
        "the host's package sources do not have it: check the repository and proxy settings of the inventory",
    ),
)
"""Cause, what the host's tools print when that is the cause, and what to do; the first that fits counts."""


def why_failed(host: str, result: Result) -> TransportError:
    """The error for a resource that failed on a host."""
    cause, fix = _cause(result.message) or ("resource", None)
    return TransportError(cause, f"{result.resource}: {result.message}", host=host, fix=fix)


def why_not_locked(host: str, reason: str) -> TransportError:
    """The error for a host whose lock could not be had: another run has it, or it cannot be written."""
    cause, fix = _cause(reason) or ("locked", None)
    return TransportError(cause, reason, host=host, fix=fix)


def _cause(message: str) -> tuple[str, str] | None:
    """The cause that a message names, and what to do; None where it names none."""
    for cause, signs, fix in SIGNS:
        if any(sign.lower() in message.lower() for sign in signs):
            return cause, fix
    return None


def lost(host: str) -> TransportError:
    """The error for a program that ended without its last line."""
    return TransportError(
        "connection-lost",
        "the program on the host ended early: its shell was killed, or the connection was lost",
        host=host,
        fix="run this again: it goes on where it stopped",
    )


def failure_of(error: TransportError, mask: Callable[[str], str]) -> Failure:
    """What the report says of an error."""
    return Failure(cause=error.cause, message=mask(error.what), fix=error.fix or "")
