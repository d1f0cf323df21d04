"""Gets one URI into a file: http and https (through the proxies of the environment), ftp, files of this host."""

from __future__ import annotations

import http.client
import os
import shutil
import urllib.error
import urllib.request
from contextlib import suppress
from urllib.parse import unquote, urlsplit

_CHUNK_BYTES = 1 << 18
_REMOTE = ("http", "https", "ftp")


class FetchError(Exception):
    """A URI that could not be fetched, and why."""


def basename(uri: str) -> str:
    """The name that a URI's file gets: all after the last slash. Raises FetchError."""
    _, separator, path = uri.rpartition("://")
    name = path.rpartition("/")[2]
    if name in ("", ".", "..") or "\0" in name or (separator and "/" not in path):
        raise FetchError(f"Malformed URI '{uri}': it names no file")
    return name


def download(uri: str, target: str, stall_seconds: float, frameworks_home: str) -> None:
    """Get a URI into the file `target`, which is complete or not there. Raises FetchError."""
    scheme = urlsplit(uri).scheme if "://" in uri else ""
    partial = f"{target}.fetching"
    try:
        if scheme in _REMOTE:
            _get(uri, partial, stall_seconds)
        elif scheme in ("", "file"):
            shutil.copyfile(_local(uri, scheme, frameworks_home), partial)
        else:
            raise FetchError(f"Failed to fetch '{uri}': URIs of the scheme '{scheme}' are not supported")
        os.replace(partial, target)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(f"Failed to fetch '{uri}': {_reason(error)}") from None
    finally:
        with suppress(FileNotFoundError):
            os.remove(partial)


def _local(uri: str, scheme: str, frameworks_home: str) -> str:
    if scheme:
        parts = urlsplit(uri)
        if parts.netloc not in ("", "localhost"):
            raise FetchError(f"Failed to fetch '{uri}': a file of another host")
        return unquote(parts.path)
    if os.path.isabs(uri):
        return uri
    if not frameworks_home:
        raise FetchError(
            f"Failed to fetch '{uri}': A relative path was passed for the resource but the Mesos framework home was "
            "not specified. Please either provide this config option or avoid using a relative path"
        )
    return os.path.join(frameworks_home, uri)


def _get(uri: str, target: str, stall_seconds: float) -> None:
    # A new opener: the shared one keeps the proxies that it found first.
    with urllib.request.build_opener().open(uri, timeout=stall_seconds) as answer, open(target, "wb") as file:
        expected = answer.headers.get("Content-Length")
        while chunk := answer.read(_CHUNK_BYTES):
            file.write(chunk)
        if expected is not None and file.tell() != int(expected):
            raise FetchError(f"Failed to fetch '{uri}': the download ended after {file.tell()} of {expected} bytes")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    if isinstance(error, TimeoutError):
        return "the download stands still"
    return str(error) or type(error).__name__
