"""Files with credentials, as the flags of Apache Mesos name them: JSON, or lines of `principal secret`.

What is wrong with such a file is told without any of its content.
"""

from __future__ import annotations

import logging
import os
import stat

from mesosctl.runtime.protocol.basics import Credential, Credentials
from mesosctl.runtime.protocol.codec import decode

log = logging.getLogger(__name__)


def read_credentials(path: str) -> dict[str, str]:
    """The secrets by principal in the file of `--credentials` or `--http_credentials`. Raises ValueError."""
    text = _read(path)
    found = _from_json(path, text).credentials if text.startswith("{") else _from_lines(path, text)
    return {each.principal: each.secret or "" for each in found}


def read_credential(path: str) -> Credential:
    """The one credential in the file of an agent's `--credential`. Raises ValueError."""
    text = _read(path)
    if not text.startswith("{"):
        found = _from_lines(path, text)
        if len(found) != 1:
            raise ValueError(f"Expecting only one credential in '{path}'")
        return found[0]
    try:
        return decode(Credential, text.encode())
    except ValueError:
        raise ValueError(f"Expecting an object with principal and secret in '{path}'") from None


def read_secret_key(path: str) -> bytes:
    """The key in the file of an agent's `--jwt_secret_key`. Raises ValueError."""
    key = _read(path).encode()
    if not key:
        raise ValueError(f"The key in '{path}' is empty")
    return key


def _read(path: str) -> str:
    if path.lstrip().startswith("{"):
        raise ValueError("Credentials are given by the path of a file that holds them, never themselves")
    try:
        with open(path, encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IRWXO:
                log.warning("Permissions on '%s' are too open; it is recommended that others cannot access it", path)
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ValueError(f"Failed to read credentials file '{path}': {reason}") from None


def _from_json(path: str, text: str) -> Credentials:
    try:
        return decode(Credentials, text.encode())
    except ValueError:
        raise ValueError(f"Expecting a list 'credentials' of objects with principal and secret in '{path}'") from None


def _from_lines(path: str, text: str) -> list[Credential]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if words and len(words) != 2:
            raise ValueError(f"Invalid credential format at line {number} of '{path}': expecting 'principal secret'")
        if words:
            found.append(Credential(principal=words[0], secret=words[1]))
    return found
