"""How the values of flags are written: numbers, switches, durations ("10mins"), sizes ("32MB"), paths and texts.

A kind reads a text (ValueError says what is wrong with it, in Mesos' words) and writes it as `/flags` shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mesosctl.runtime.authorization import Acls, parse_acls
from mesosctl.runtime.protocol.basics import DomainInfo
from mesosctl.runtime.protocol.codec import decode, encode

T = TypeVar("T")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """`read` raises ValueError. A value `file:///path` is replaced by the file's content where `from_file`."""

    read: Callable[[str], T]
    write: Callable[[T], str]
    is_switch: bool = False
    from_file: bool = True


_DURATION_UNITS = {
    "weeks": 604_800_000_000_000,
    "days": 86_400_000_000_000,
    "hrs": 3_600_000_000_000,
    "mins": 60_000_000_000,
    "secs": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
"""In nanoseconds, largest first."""
_SIZE_UNITS = {"TB": 2**40, "GB": 2**30, "MB": 2**20, "KB": 2**10, "B": 1}
_QUANTITY = re.compile(r"([+-]?[0-9]*\.?[0-9]+)([a-zA-Z]+)")


def parse_duration(text: str) -> float:
    """Seconds in "1.5hrs", "10secs", "500ms" and so on. Raises ValueError."""
    match = _QUANTITY.fullmatch(text.strip())
    if not match:
        raise ValueError(f"Invalid duration '{text}'")
    if match[2] not in _DURATION_UNITS:
        raise ValueError(f"Unknown duration unit '{match[2]}'")
    return float(match[1]) * _DURATION_UNITS[match[2]] / 1e9


def format_duration(seconds: float) -> str:
    """The duration in its largest unit that gives a whole number: 600 is "10mins", 90 is "90secs"."""
    return _in_units(round(seconds * 1e9), _DURATION_UNITS, "ns")


def parse_size(text: str) -> int:
    """Bytes in "32MB", "1GB" and so on. Raises ValueError."""
    match = _QUANTITY.fullmatch(text.strip())
    if not match:
        raise ValueError(f"Expecting bytes with a unit (e.g., 32MB), not '{text}'")
    if match[2] not in _SIZE_UNITS:
        raise ValueError(f"Unknown bytes unit '{match[2]}'")
    if not match[1].isdigit():
        raise ValueError(f"Fractional bytes '{text}'")
    return int(match[1]) * _SIZE_UNITS[match[2]]


def format_size(size: int) -> str:
    """The size in its largest unit that gives a whole number."""
    return _in_units(size, _SIZE_UNITS, "B")


def parse_rate(text: str) -> float:
    """Seconds between permits in "1/10mins" or "3/1secs". Raises ValueError."""
    number, slash, duration = text.partition("/")
    seconds = parse_duration(duration) if slash else 0.0
    if not number.strip().isdecimal() or int(number) == 0 or seconds <= 0:
        raise ValueError(f"Expecting a rate as number/duration (e.g., 1/10mins), not '{text}'")
    return seconds / int(number)


def parse_percentage(text: str) -> float:
    """The share that "95%" means, from 0 to 1. Raises ValueError."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", text.strip())
    if not match or float(match[1]) > 100:
        raise ValueError(f"Expecting a percentage (e.g., 95%), not '{text}'")
    return float(match[1]) / 100


def _in_units(amount: int, units: dict[str, int], smallest: str) -> str:
    for unit, worth in units.items():
        if amount and amount % worth == 0:
            return f"{amount // worth}{unit}"
    return f"0{smallest}"


def _read_switch(text: str) -> bool:
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise ValueError("Expecting a boolean (e.g., true or false)")


def _read_integer(text: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise ValueError(f"Failed to convert '{text}' to number") from None


def _read_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"Failed to convert '{text}' to number") from None


def _read_domain(text: str) -> DomainInfo:
    return decode(DomainInfo, text.encode())


TEXT: Kind[str] = Kind(str, str)
PATH: Kind[str] = Kind(lambda text: text.removeprefix("file://"), str, from_file=False)
"""The name of a file, which the program opens itself; the prefix `file://` may be there."""
ZOOKEEPER: Kind[str] = Kind(str, lambda text: re.sub(r"^(zk://[^:/]*):[^/]*@", r"\1:****@", text))
"""What names a master or its ZooKeeper; shown without the password in it."""
INTEGER: Kind[int] = Kind(_read_integer, str)
NUMBER: Kind[float] = Kind(_read_number, lambda value: f"{value:g}")
SWITCH: Kind[bool] = Kind(_read_switch, lambda value: "true" if value else "false", is_switch=True)
RATE: Kind[float] = Kind(parse_rate, lambda seconds: f"1/{format_duration(seconds)}")
"""Seconds between one permit and the next."""
PERCENTAGE: Kind[float] = Kind(parse_percentage, lambda share: f"{share * 100:g}%")
DURATION: Kind[float] = Kind(parse_duration, format_duration)
"""Seconds."""
SIZE: Kind[int] = Kind(parse_size, format_size)
"""Bytes."""
DOMAIN: Kind[DomainInfo] = Kind(_read_domain, lambda value: encode(value).decode())
"""Region and zone, as JSON: `{"fault_domain": {"region": {"name": "eu"}, "zone": {"name": "eu-1"}}}`."""
ACLS: Kind[Acls] = Kind(parse_acls, lambda value: value.text)
"""Access control lists, as JSON."""
