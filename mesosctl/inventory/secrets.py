"""Secrets of an inventory: references (`env:NAME`, `file:PATH`) are resolved here, and only here.

Nothing in this module, and no message that it makes, holds a value.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mesosctl.errors import UsageError
from mesosctl.inventory import nodes
from mesosctl.inventory.kinds import Free, Kind, describe
from mesosctl.inventory.model import Cluster, Secret
from mesosctl.inventory.reader import KeyPath, Reader

LITERAL = "literal"
MAX_SIZE = 64 * 1024
MARATHON_SECRETS = ("http_credentials", "mesos_authentication_secret", "ssl_keystore_password")
"""Flags of Marathon whose value is a secret."""


class SecretKind(Kind):
    """A reference to a secret, or (with a warning) the secret itself."""

    expected = "env:NAME or file:PATH"
    note = expected
    secret = True

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        if not isinstance(node, nodes.Scalar) or node.null or not node.text:
            reader.hide(node.mark)
            what = describe(node) if not isinstance(node, nodes.Scalar) or node.null else "empty"
            return reader.error(node.mark, f"`{path[-1]}` is {what}", expected=self.expected)
        scheme, _, rest = node.text.partition(":")
        if scheme == "env":
            return self._environment(rest, node, reader)
        if scheme == "file":
            return self._file(rest, node, reader)
        return literal(node.text, node.mark, path, reader)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1}

    def _environment(self, name: str, node: nodes.Scalar, reader: Reader) -> Any:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            return reader.error(node, "`env:` without the name of a variable", expected="env:NAME")
        value = os.environ.get(name) or None
        if value is None and reader.require_secrets:
            return reader.error(node, f"the environment variable {name} is not set", expected=f"export {name}=…")
        return self._checked(f"env:{name}", value, node, reader)

    def _file(self, text: str, node: nodes.Scalar, reader: Reader) -> Any:
        reference = f"file:{text}"
        if not text or not text.isprintable():
            return reader.error(node, "`file:` without a path", expected="file:PATH")
        path = resolve(text, reader.folder)
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    reader.warning(node, f"{path} can be read by others", expected=f"chmod 600 {path}")
                value = file.read(MAX_SIZE + 1).decode()
        except (OSError, ValueError) as error:
            if not reader.require_secrets:
                return Secret(reference, None)
            reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            return reader.error(node, f"the secret cannot be read from {path}: {reason}")
        value = value.removesuffix("\n").removesuffix("\r")
        if not value and reader.require_secrets:
            return reader.error(node, f"the secret file {path} is empty")
        if len(value) > MAX_SIZE:
            return reader.error(node, f"the secret file {path} is larger than {MAX_SIZE // 1024} KiB")
        return self._checked(reference, value or None, node, reader)

    def _checked(self, reference: str, value: str | None, node: nodes.Scalar, reader: Reader) -> Any:
        if value is not None and not _one_line(value):
            return reader.error(node, f"the secret of {reference} is more than one line of text")
        return Secret(reference, value)


SECRET = SecretKind()


class MarathonFlagValue(Free):
    """The value of a flag of Marathon, for some a secret by reference; the path's last part is the flag."""

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        if path[-1] not in MARATHON_SECRETS:
            return super().read(node, path, reader)
        found = SecretKind().read(node, path, reader)
        return found.value or "" if isinstance(found, Secret) else found


def literal(value: str, mark: nodes.Mark, path: KeyPath, reader: Reader) -> Any:
    """A secret that is written in the inventory itself."""
    reader.hide(mark)
    if not _one_line(value):
        return reader.error(mark, f"`{path[-1]}` is more than one line of text", expected=SecretKind.expected)
    reader.warning(mark, "a secret is written in the inventory itself", expected=SecretKind.expected)
    return Secret(LITERAL, value)


def secret(reference: str) -> Secret:
    """The secret of a reference that stands on a command line. Raises UsageError."""
    scheme, _, rest = reference.partition(":")
    if scheme == "env" and rest:
        value = os.environ.get(rest)
    elif scheme == "file" and rest:
        try:
            with resolve(rest, Path()).open(encoding="utf-8") as file:
                value = file.read(MAX_SIZE).removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise UsageError(f"the secret {reference} cannot be read: {reason}") from None
    else:
        raise UsageError(f"a secret is given by reference: {SecretKind.expected}")
    if not value or not _one_line(value):
        raise UsageError(f"the secret {reference} is empty, or more than one line of text")
    return Secret(reference, value)


def resolve(text: str, folder: Path) -> Path:
    """A path of the inventory: `~` is the home directory, relative paths start at the inventory's folder."""
    try:
        return folder / Path(text).expanduser()
    except RuntimeError:  # no such user
        return folder / text


def masks(cluster: Cluster) -> tuple[str, ...]:
    """What must not be shown: every secret value and, of a key, also its single lines; longest first."""
    found: set[str] = set()
    for secret in _secrets(cluster):
        if secret.value:
            found.add(secret.value)
            found |= {line for line in secret.value.splitlines() if len(line) > 16 and not line.startswith("-----")}
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def _secrets(cluster: Cluster) -> list[Secret]:
    secrets = [cluster.proxy.password, cluster.keys.node_private]
    if cluster.zookeeper.credentials:
        secrets.append(cluster.zookeeper.credentials.password)
    flags = cluster.marathon.flags
    secrets += [Secret(LITERAL, flags[name]) for name in MARATHON_SECRETS if name in flags]
    if cluster.mesos.authentication:
        secrets += cluster.mesos.authentication.credentials.values()
    for host in cluster.hosts:
        secrets += [host.key, host.ssh.password, host.ssh.passphrase, host.ssh.sudo_password]
    return [secret for secret in secrets if secret is not None]


def _one_line(value: str) -> bool:
    return not any(character in "\r\n\0" for character in value)
