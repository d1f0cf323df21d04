"""What Marathon answers instead of doing what was asked, as errors with what to do about them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mesosctl.errors import MesosctlError, RefusedError
from mesosctl.transport.http import Answer

AGAIN = (502, 503, 504)
"""Statuses of a Marathon that does not know, or does not reach, who leads."""


class MarathonError(MesosctlError):
    """Marathon refused, or could not do, what it was asked for."""


class NotFound(MarathonError):
    """There is no such app, version or deployment."""


class Unavailable(MarathonError):
    """No Marathon leads at the moment; one will soon."""


class Exists(RefusedError):
    """There is something with that id already."""


class Locked(RefusedError):
    """A deployment of the same app is under way."""


def failure(answer: Answer, where: str) -> MesosctlError:
    """The error for an answer whose status is 400 or more."""
    try:
        body = answer.json
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    message = str(
        body.get("message") or answer.body[:300].decode(errors="replace").strip() or f"status {answer.status}"
    )
    if answer.status == 409 and body.get("deployments"):
        return _locked(body["deployments"], where)
    if answer.status == 409:
        return Exists(message, where=where)
    if answer.status in (400, 422):
        details = _details(body)
        return MarathonError("\n".join([f"{message}:", *details]) if details else message, where=where)
    if answer.status == 401:
        return MarathonError("wants a login", where=where, fix="give it: --user NAME, or NAME:env:VARIABLE")
    if answer.status == 403:
        return MarathonError(message, where=where, fix="is the login allowed to do this?")
    if answer.status == 404:
        return NotFound(message, where=where, fix=None if body else "is it a Marathon? Look at --marathon")
    if answer.status in AGAIN:
        return Unavailable(message, where=where, fix="a new leader is elected within seconds: try again")
    return MarathonError(f"{message} (status {answer.status})", where=where)


def _locked(deployments: Iterable[Any], where: str) -> Locked:
    ids = [str(each.get("id")) for each in deployments if isinstance(each, dict)]
    return Locked(
        f"it is being deployed already: {', '.join(ids)}",
        where=where,
        fix="wait for that (mesosctl app wait), or take its place with --force",
    )


def _details(body: dict[str, Any]) -> list[str]:
    """A line for each field that is wrong: `  /container/docker/image: must not be empty`."""
    details = body.get("details")
    if isinstance(details, str):
        return [f"  {details}"]
    lines = []
    for each in details if isinstance(details, list) else ():
        if isinstance(each, dict):
            path, wrong = each.get("path") or "/", each.get("errors") or []
            wrong = wrong if isinstance(wrong, list) else [wrong]
            lines.append(f"  {path}: {'; '.join(map(_one, wrong))}")
    return lines


def _one(wrong: object) -> str:
    return str(wrong.get("error", wrong)) if isinstance(wrong, dict) else str(wrong)
