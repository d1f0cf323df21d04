"""`/logging`: how much this Marathon logs, by logger; each Marathon answers for itself."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from mesosctl.runtime.marathon.api.context import Context, answer, body
from mesosctl.runtime.marathon.model import ValidationError, Violation
from mesosctl.runtime.marathon.model.definition import read

PATH = "/logging"
ROOT = "ROOT"
_LEVELS = {
    "all": logging.NOTSET + 1,
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "off": logging.CRITICAL + 1,
}
_NAMES = {level: name.upper() for name, level in _LEVELS.items()} | {logging.CRITICAL: "ERROR"}
log = logging.getLogger(__name__)


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """As it is sent."""

    logger: str
    level: Literal["all", "trace", "debug", "info", "warn", "error", "off"]
    durationSeconds: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """The level is what it was before, after that time."""


class Logging:
    def __init__(self, context: Context) -> None:
        pass

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self.show), web.post(PATH, self.change)]

    async def show(self, request: web.Request) -> web.Response:
        names = sorted(
            name for name, found in logging.root.manager.loggerDict.items() if isinstance(found, logging.Logger)
        )
        return answer(request, {name: _level(_logger(name)) for name in (ROOT, *names)})

    async def change(self, request: web.Request) -> web.Response:
        change = read(await body(request), Change)
        if not change.logger:
            raise ValidationError(Violation("/logger", "must not be empty"))
        logger = _logger(change.logger)
        before = logger.level
        log.info("The level of %s is %s from now on", change.logger, change.level)
        logger.setLevel(_LEVELS[change.level])
        if change.durationSeconds is not None:
            asyncio.get_running_loop().call_later(change.durationSeconds, logger.setLevel, before)
        return answer(request, change)


def _logger(name: str) -> logging.Logger:
    return logging.getLogger(None if name == ROOT else name)


def _level(logger: logging.Logger) -> str:
    name = _NAMES.get(logger.getEffectiveLevel(), logging.getLevelName(logger.getEffectiveLevel()))
    return name if logger.level else f"{name} (inherited)"
