"""What every tool does on every target: 15 files and 10 commands, each checked before it is done."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.bench.targets import ROOT, Target


@dataclass(frozen=True)
class PayloadFile:
    path: Path
    content: str
    mode: str


@dataclass(frozen=True)
class PayloadCommand:
    name: str
    check: str
    apply: str


def _content(number: int) -> str:
    """Text like a configuration file's, 0.2 to 3 KB, with what shells like to interpret."""
    lines = [f"# file {number} of the bench", 'path="$HOME/it\'s" # 100 %']
    lines += [
        f"setting.{number}.{line} = {hashlib.sha256(f'{number} {line}'.encode()).hexdigest()}"
        for line in range(number * 2)
    ]
    return "\n".join(lines) + "\n"


FILES = [
    PayloadFile(ROOT / f"etc/part{n % 3}/file{n}.conf", _content(n), "0600" if n % 5 == 0 else "0644")
    for n in range(1, 16)
]
SETTINGS = ROOT / "settings"
COMMANDS = [
    PayloadCommand(
        f"setting {number}",
        f"grep -q '^key{number} = on$' {SETTINGS} 2>/dev/null",
        f"echo 'key{number} = on' >>{SETTINGS}",
    )
    for number in range(1, 11)
]
RESOURCES = len(FILES) + len(COMMANDS)


def program() -> str:
    """The payload as a sh program written by hand: what one would pipe into ssh."""
    paths = " ".join(str(file.path) for file in FILES)
    lines = [
        f"sums=$(sha256sum {paths} 2>/dev/null)",
        f"stats=$(stat -c '%a %n' {paths} 2>/dev/null)",
        "main() {",
        "umask 022",
    ]
    for folder in sorted({str(file.path.parent) for file in FILES}):
        lines.append(f"[ -d {folder} ] || mkdir -p {folder}")
    for file in FILES:
        digest, mode = hashlib.sha256(file.content.encode()).hexdigest(), file.mode.lstrip("0")
        lines += [
            f'case "$sums" in *"{digest}  {file.path}"*)',
            f'case "$stats" in *"{mode} {file.path}"*) ;; *) chmod {mode} {file.path} || exit 1;; esac;; *)',
            f"printf %s {shlex.quote(file.content)} >{file.path}.new && chmod {mode} {file.path}.new &&"
            f" mv {file.path}.new {file.path} || exit 1; echo changed {file.path};; esac",
        ]
    for command in COMMANDS:
        lines.append(f"{command.check} || {{ {command.apply} || exit 1; echo changed {command.name}; }}")
    return "\n".join([*lines, "}", "main </dev/null", ""])


def wrong(target: Target) -> list[str]:
    """What of the payload does not hold on a target."""
    found = []
    for file in FILES:
        path = target.path(file.path)
        if not path.is_file() or path.read_text() != file.content:
            found.append(f"{target.name}: {file.path} has not the content")
        elif path.stat().st_mode & 0o777 != int(file.mode, 8):
            found.append(f"{target.name}: {file.path} has not the mode")
    settings = target.path(SETTINGS)
    lines = sorted(settings.read_text().splitlines()) if settings.exists() else []
    if lines != sorted(f"key{number} = on" for number in range(1, 11)):
        found.append(f"{target.name}: {SETTINGS} is not right")
    return found
