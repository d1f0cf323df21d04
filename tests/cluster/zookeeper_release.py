"""A release of ZooKeeper to install from, put together of the jars of this machine's own package."""

from __future__ import annotations

import re
import tarfile
import zipfile
from pathlib import Path

SHARE = Path("/usr/share/java")
NAME = "apache-zookeeper-3.8.0-bin"


def make(folder: Path) -> Path:
    """The tarball, below `folder`, with all that the server's jar names in its manifest, and the logging."""
    release = folder / f"{NAME}.tar.gz"
    jars: set[Path] = set()
    wanted = ["zookeeper.jar", "slf4j-log4j12.jar", "log4j-1.2.jar"]
    while wanted:
        jar = SHARE / wanted.pop()
        if jar not in jars and jar.exists():
            jars.add(jar)
            wanted += _class_path(jar)
    script = folder / "zkServer.sh"
    script.write_text("#!/bin/sh\n")
    with tarfile.open(release, "w:gz", compresslevel=1, dereference=True) as archive:
        archive.add(script, f"{NAME}/bin/zkServer.sh")
        for jar in sorted(jars):
            archive.add(jar, f"{NAME}/lib/{jar.name}")
    return release


def _class_path(jar: Path) -> list[str]:
    """Names of the jars that a jar's manifest asks for (JAR File Specification, Class-Path; lines are folded)."""
    with zipfile.ZipFile(jar) as archive:
        try:
            manifest = archive.read("META-INF/MANIFEST.MF").decode().replace("\r\n ", "").replace("\n ", "")
        except KeyError:
            return []
    found = re.search(r"^Class-Path: *(.*)$", manifest, re.MULTILINE)
    return [word.rpartition("/")[2] for word in (found[1].split() if found else [])]
