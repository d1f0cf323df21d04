"""Where this machine gets its Debian packages from, so that the lab's hosts get theirs from the same place.

Reads apt's own files: sources.list(5) in both of its forms, and the settings that `apt-config dump` prints.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RELEASE = "bookworm"

ARCHIVE = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"

INHERITED = re.compile(r"Acquire::(?:(?:http|https|ftp)(?:::|\s)|Check-Valid-Until\s|Check-Date\s)")
"""Settings that decide whether packages can be fetched: proxies, certificates, a mirror's frozen dates."""

ONE_LINE = re.compile(r"deb\s+(?:\[[^\]]*\]\s+)?(https?://\S+)\s+(\S+)")


@dataclass(frozen=True, slots=True)
class PackageSource:
    """Mirrors and apt settings of this machine."""

    archive: str
    security: str
    settings: str
    """Lines of an apt.conf."""

    @property
    def sources_list(self) -> str:
        """Content of a host's /etc/apt/sources.list."""
        return (
            f"deb {self.archive} {RELEASE} main\n"
            f"deb {self.archive} {RELEASE}-updates main\n"
            f"deb {self.security} {RELEASE}-security main\n"
        )

    @property
    def proxy(self) -> str | None:
        """The HTTP proxy that apt uses, if any."""
        found = re.search(r'^Acquire::http::Proxy "([^"]+)";', self.settings, re.MULTILINE | re.IGNORECASE)
        return found[1] if found and found[1] != "DIRECT" else None


def package_source(etc: Path = Path("/etc")) -> PackageSource:
    """The package source of this machine; Debian's public mirror where this is not a Debian."""
    archive, security = ARCHIVE, SECURITY
    if re.search(r'^ID="?debian"?$', _read(etc / "os-release"), re.MULTILINE):
        entries = list(_entries(etc / "apt"))
        # Others serve suites named after a Debian release too; only Debian has its updates beside them.
        archive = next((uri for uri, suite in entries if suite.endswith("-updates")), archive)
        security = next((uri for uri, suite in entries if suite.endswith("-security")), security)
    return PackageSource(archive, security, _settings())


def _entries(apt: Path) -> Iterator[tuple[str, str]]:
    """(address, suite) of every http(s) source with Debian's component `main`, in apt's order."""
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))]:
        for line in _read(path).splitlines():
            found = ONE_LINE.match(line.strip())
            if found and " main" in line:
                yield found[1].rstrip("/"), found[2]
    for path in sorted((apt / "sources.list.d").glob("*.sources")):
        text = re.sub(r"^#.*\n", "", _read(path), flags=re.MULTILINE)
        for stanza in re.split(r"\n\s*\n", text):
            fields = {
                key.lower(): re.sub(r"\s+", " ", value).strip()
                for key, value in re.findall(r"^([\w-]+):(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
            }
            if "deb" not in fields.get("types", "").split() or "main" not in fields.get("components", "").split():
                continue
            if fields.get("enabled", "yes").lower() in {"no", "false", "0"}:
                continue
            for uri in fields.get("uris", "").split():
                if uri.startswith("http"):
                    for suite in fields.get("suites", "").split():
                        yield uri.rstrip("/"), suite


def _settings() -> str:
    try:
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return "".join(f"{line}\n" for line in dump.splitlines() if INHERITED.match(line))


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
