"""mesos-fetcher: fetches what a plan says, as the user of the task, and tells of it on standard error."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Mapping

import msgspec

from mesosctl.runtime.executor.nursery import PLAN
from mesosctl.runtime.executor.user import become
from mesosctl.runtime.fetcher.download import FetchError, basename, download
from mesosctl.runtime.fetcher.extract import extract, is_archive

HERE = "."
"""The directory that the process is in: its user may have no access to the path that leads there."""
_LOADED_LATE = ("bz2", "encodings.idna", "ftplib", "lzma")
"""What other modules load when they need it, which the task's user may not."""


class Item(msgspec.Struct, frozen=True):
    uri: str
    extract: bool = False
    executable: bool = False
    output_file: str | None = None
    """Relative to the directory."""
    cached: str | None = None
    """The file where it is already."""


class Plan(msgspec.Struct, frozen=True):
    directory: str
    items: tuple[Item, ...]
    user: str | None
    """Who fetches, and owns what is fetched."""
    stall_seconds: float
    frameworks_home: str = ""


def fetch(plan: Plan) -> None:
    """Raises FetchError."""
    for item in plan.items:
        _say(f"Fetching URI '{item.uri}'")
        _fetch(item, plan)


def _fetch(item: Item, plan: Plan) -> None:
    name = item.output_file or basename(item.uri)
    target = os.path.join(plan.directory, name)
    if os.path.isabs(name) or ".." in name.split("/"):
        raise FetchError(f"The output file '{name}' of '{item.uri}' leads out of the sandbox")
    if folder := os.path.dirname(target):
        os.makedirs(folder, exist_ok=True)
    unpack = item.extract and not item.executable and is_archive(name)
    source = target
    if item.cached is None:
        download(item.uri, target, plan.stall_seconds, plan.frameworks_home)
        _say(f"Fetched '{item.uri}' to '{name}'")
    elif unpack:
        source = item.cached
    else:
        shutil.copyfile(item.cached, target)
        _say(f"Copied '{item.uri}' from the cache to '{name}'")
    if unpack:
        extract(source, os.path.basename(name), plan.directory)
        _say(f"Extracted '{name}'")
    if item.executable:
        os.chmod(target, 0o755)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(environment: Mapping[str, str]) -> None:
    """Exits with status 1 where something could not be fetched; the last line on standard error says why."""
    plan = msgspec.json.decode(environment[PLAN], type=Plan)
    for module in _LOADED_LATE:
        importlib.import_module(module)
    try:
        become(plan.user)
        os.umask(0o022)
        fetch(plan)
    except (FetchError, OSError, LookupError) as error:
        _say(str(error))
        sys.exit(1)
