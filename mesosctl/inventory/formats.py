"""The forms of text that an inventory uses: names, addresses, paths, URLs, host keys, Mesos resources.

Each parse function returns the value, normalised where there is more than one way to write it, or raises `Wrong`.
"""

from __future__ import annotations

import binascii
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from mesosctl.inventory import nodes
from mesosctl.inventory.kinds import Free, Integer, Kind, ScalarKind, Text, Wrong, describe
from mesosctl.inventory.model import ProxyUrl
from mesosctl.inventory.reader import INVALID, KeyPath, Reader
from mesosctl.inventory.secrets import resolve

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = rf"{_LABEL}(?:\.{_LABEL})*"
_KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)


def _hostname(text: str) -> str:
    if len(text) > 253 or re.fullmatch(r"[0-9.]+", text):
        raise Wrong
    return text


def address(text: str) -> str:
    """A host name, IPv4 or IPv6 address; IPv6 in its short form, without brackets."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" in bare or re.fullmatch(r"[0-9.]+", bare):
        import ipaddress

        try:
            return str(ipaddress.ip_address(bare))
        except ValueError:
            host, _, port = text.rpartition(":")
            if host and port.isdigit() and ":" not in host:
                raise Wrong(f"`{text}` has a port; set ssh.port", host) from None
            raise Wrong from None
    if not re.fullmatch(_HOSTNAME, bare):
        if "/" in bare:
            raise Wrong("a network, not an address" if re.fullmatch(r"[0-9./]+", bare) else "")
        if "_" in bare:
            raise Wrong(suggestion=bare.replace("_", "-").strip("-"))
        raise Wrong
    return _hostname(bare)


def domain(text: str) -> str:
    """A domain, with or without a leading `.` or `*.`; stored without."""
    bare = text.removeprefix("*").removeprefix(".")
    if not re.fullmatch(_HOSTNAME, bare):
        raise Wrong
    return _hostname(bare)


def cidr(text: str) -> str:
    """A network such as 10.0.0.0/8."""
    import ipaddress

    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Wrong from None
    raise Wrong("the address has bits below the network's length", str(network))


def directory(text: str) -> str:
    """An absolute path on a host, without `.` and `..`, shortened."""
    parts = [part for part in text.split("/") if part]
    if not text.startswith("/") or not parts or any(part in (".", "..") for part in parts):
        raise Wrong
    return "/" + "/".join(parts)


def host_key(text: str) -> str:
    """A public host key as in known_hosts, without host names and comment."""
    kind, _, rest = text.strip().partition(" ")
    encoded = rest.split(" ", 1)[0]
    if kind not in _KEY_TYPES:
        if any(f" {known} " in f"{text} " for known in _KEY_TYPES):
            raise Wrong("a host key is given without host names", text[text.index(" ") + 1 :][:40] + "…")
        raise Wrong
    try:
        blob = binascii.a2b_base64(encoded.encode(), strict_mode=True)
    except (binascii.Error, ValueError):
        raise Wrong("the key is not whole: its base64 text ends early or has other characters") from None
    length = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + length] != kind.encode() or len(blob) < length + 36:
        raise Wrong(f"the key is not a whole {kind} key")
    return f"{kind} {encoded}"


def jump(text: str) -> str:
    """`[user@]host[:port]`, or several with commas."""
    for hop in text.split(","):
        match = re.fullmatch(r"(?:[^@\s:/]+@)?(\[[^\]]+\]|[^@:\s/]+)(?::([0-9]{1,5}))?", hop.strip())
        if not match or not 1 <= int(match[2] or 22) <= 65535:
            raise Wrong
        address(match[1])
    return ",".join(hop.strip() for hop in text.split(","))


def http_url(text: str) -> str:
    """An http(s) address, without a slash at its end."""
    match = re.fullmatch(r"https?://([^/\s@?#]+)(/[^\s?#]*)?", text)
    if not match:
        raise Wrong(suggestion=f"https://{text}" if re.fullmatch(rf"{_HOSTNAME}(/\S*)?", text) and "." in text else "")
    return text.rstrip("/")


def tarball(text: str) -> str:
    """A path or an http(s) address of a tarball."""
    if "://" in text:
        return http_url(text)
    if not re.search(r"\.(tar\.gz|tgz|tar\.xz|tar\.bz2|tar)$", text):
        raise Wrong
    return text


def sha256(text: str) -> str:
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        raise Wrong
    return text.lower()


class ProxyAddress(NamedTuple):
    """A proxy as it is written: the address, and credentials where it carries them."""

    url: ProxyUrl
    username: str | None
    password: str | None
    mark: nodes.Mark


class ProxyAddressKind(ScalarKind):
    """`http://[user:password@]host:port`. No message repeats the text: it may hold a password."""

    expected = "http://HOST:PORT/ or https://HOST:PORT/"

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        value = super().read(node, path, reader)
        return value if value is INVALID else value._replace(mark=node.mark)

    def parse(self, text: str) -> ProxyAddress:
        match = re.fullmatch(r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?(?:(.*)@)?([^@/?#]*)/?", text)
        if not match:
            raise Wrong
        scheme, credentials, server = match[1], match[2], match[3]
        found = re.fullmatch(r"(\[[^\]]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?", server)
        if not found:
            raise Wrong
        host = address(found[1])
        if scheme is None:
            raise Wrong("the proxy has no scheme", f"http://{server}/" if credentials is None and found[2] else "")
        if scheme.lower() not in ("http", "https"):
            raise Wrong(f"a proxy of the scheme {scheme} is not supported")
        if not found[2] or not 1 <= int(found[2]) <= 65535:
            raise Wrong("the proxy has no port" if not found[2] else "the proxy's port is out of range")
        username, password = _credentials(credentials)
        return ProxyAddress(ProxyUrl(scheme.lower(), host, int(found[2])), username, password, nodes.Mark(1, 1))

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://.+:[0-9]+/?$"}


def _credentials(text: str | None) -> tuple[str | None, str | None]:
    if text is None:
        return None, None
    from urllib.parse import unquote

    username, colon, password = text.partition(":")
    if not username:
        raise Wrong("the proxy's credentials have no user name")
    return unquote(username), unquote(password) if colon else None


class _File(ScalarKind):
    """A file of the controller; relative paths start at the inventory's folder."""

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        text = super().read(node, path, reader)
        return INVALID if text is INVALID else self._value(resolve(text, reader.folder), node.mark, reader)

    def _value(self, file: Path, mark: nodes.Mark, reader: Reader) -> Any:
        raise NotImplementedError

    def parse(self, text: str) -> str:
        if not text:
            raise Wrong
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1}


class FilePath(_File):
    """A file whose path is the value."""

    expected = "a path on this machine"

    def _value(self, file: Path, mark: nodes.Mark, reader: Reader) -> Any:
        if not os.path.isfile(file):  # False for names that no file can have
            reader.warning(mark, f"there is no file {file}")
        return file


class FileContent(_File):
    """A file whose content is the value; `check` raises Wrong for one that is no good."""

    def __init__(self, expected: str, check: Callable[[str], None]) -> None:
        self.expected = expected
        self._check = check

    def _value(self, file: Path, mark: nodes.Mark, reader: Reader) -> Any:
        try:
            content = file.read_text(encoding="utf-8")
            self._check(content)
        except OSError as error:
            return reader.error(mark, f"{file} cannot be read: {error.strerror}")
        except (ValueError, Wrong):
            return reader.error(mark, f"{file} does not hold what it should", expected=self.expected)
        return content


def _json_object(content: str) -> None:
    import json

    if not isinstance(json.loads(content), dict):
        raise Wrong


def certificates(content: str) -> None:
    """Raises Wrong where a text holds no certificate in PEM."""
    if "-----BEGIN CERTIFICATE-----" not in content:
        raise Wrong


class TarballFile(Text):
    """A tarball: an http(s) address, or a file of the controller that is there; read into an absolute path."""

    def __init__(self) -> None:
        super().__init__("a .tar.gz file: a path, or an http or https address", parse=tarball)

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        text = super().read(node, path, reader)
        if text is INVALID or "://" in text:
            return text
        file = resolve(text, reader.folder)
        if not os.path.isfile(file):  # False for names that no file can have
            return reader.error(node.mark, f"there is no file {file}")
        return str(file.absolute())


class ResourceValue(Kind):
    """A Mesos resource: a scalar, ranges `[31000-32000]` or a set `{a,b}`; YAML's own list of ranges is read too."""

    expected = 'a number, ranges such as "[31000-32000]", or a set such as "{a,b}"'

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        text = self._text(node)
        if text is None:
            return reader.error(node.mark, f"`{path[-1]}` is {describe(node)}", expected=self.expected)
        text = "".join(text.split())
        name = path[-1].partition("(")[0]
        if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,3})?", text) and name != "ports":
            if name == "gpus" and "." in text:
                return reader.error(node.mark, "gpus are whole", expected="a whole number")
            return text
        if re.fullmatch(r"\[[0-9]{1,15}-[0-9]{1,15}(,[0-9]{1,15}-[0-9]{1,15})*\]", text) and name not in _SCALARS:
            pairs = [pair.split("-") for pair in text[1:-1].split(",")]
            if any(int(low) > int(high) for low, high in pairs):
                return reader.error(node.mark, "a range ends before it begins", expected="[LOW-HIGH]")
            if name == "ports" and any(int(high) > 65535 for _, high in pairs):
                return reader.error(node.mark, "a port is out of range", expected="ports up to 65535")
            return text
        if re.fullmatch(r"\{[^{},;]+(,[^{},;]+)*\}", text) and name not in (*_SCALARS, "ports"):
            return text
        ranges = 'ranges such as "[31000-32000]"'
        expected = "a number" if name in _SCALARS else ranges if name == "ports" else self.expected
        return reader.error(node.mark, f"`{path[-1]}` is not {expected}")

    def _text(self, node: nodes.Node) -> str | None:
        if isinstance(node, nodes.Scalar):
            return None if node.null else node.text
        if isinstance(node, nodes.Sequence) and all(isinstance(item, nodes.Scalar) for item in node.items):
            return "[" + ",".join(item.text for item in node.items if isinstance(item, nodes.Scalar)) + "]"
        if isinstance(node, nodes.Mapping) and all(
            isinstance(value, nodes.Scalar) and value.null for _, value in node.entries.values()
        ):
            return "{" + ",".join(node.entries) + "}"
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number", "array"], "items": {"type": "string"}}


_SCALARS = ("cpus", "mem", "disk", "gpus")

PORT = Integer(1, 65535, "a port")
ADDRESS = Text("a host name or IP address", parse=address)
HOST_NAME = Text("a host name: letters, digits, `-` and `.`", _HOSTNAME, _hostname)
CLUSTER_NAME = Text("a name of letters, digits, `.`, `_` and `-`, 63 at most", r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
DOMAIN = Text("a domain such as corp.example.com", parse=domain)
NETWORK = Text("a network such as 10.0.0.0/8", parse=cidr)
DIRECTORY = Text("an absolute path", r"/.*", directory)
USER = Text("a user name", r"[a-z_][a-z0-9_-]{0,30}\$?")
LOGIN = Text("a user name", r"[^\s:/,@]{1,64}(@[^\s:/,@]{1,253})?")
ZK_PATH = Text("a path of ZooKeeper such as /mesos", r"(/[A-Za-z0-9._-]+)+")
ZK_USER = Text("a user name")
HTTP_URL = Text("an http or https address", parse=http_url)
PACKAGE = Text("a package name", r"[A-Za-z0-9][A-Za-z0-9.+_:~-]*(=[A-Za-z0-9.+_:~-]+)?")
REPOSITORY = Text(
    "an http or https address, for apt with suite and components", r"https?://[^\s\[\]]+( [A-Za-z0-9./_-]+)*"
)
WORD = Text("a word of letters, digits, `.`, `_` and `-`", r"[A-Za-z0-9][A-Za-z0-9._-]*")
TARBALL = TarballFile()
SHA256 = Text("64 hexadecimal digits", parse=sha256)
HOST_KEY = Text("a public key such as `ssh-ed25519 AAAA…`", parse=host_key)
JUMP = Text("[USER@]HOST[:PORT], several with commas", parse=jump)
COMMAND_WORD = Text("a four-letter word of ZooKeeper, or *", r"[a-z]{4}|\*")
ATTRIBUTE = Text("a name of letters, digits, `.`, `_` and `-`", r"[A-Za-z0-9][A-Za-z0-9._-]*")
RESOURCE = Text("a name such as cpus, mem, disk, gpus, ports", r"[A-Za-z][A-Za-z0-9_.-]*(\([A-Za-z0-9_./-]+\))?")
FREE = Free()


class AttributeValue(ScalarKind):
    """The value of an agent's attribute; Mesos separates attributes with `;`."""

    expected = "text without `;`"

    def parse(self, text: str) -> str:
        if not text or ";" in text:
            raise Wrong
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean"]}


PROXY_ADDRESS = ProxyAddressKind()
FILE = FilePath()
ACLS = FileContent("access control lists of Mesos, a JSON object", _json_object)
CERTIFICATES = FileContent("certificates as PEM", certificates)
HOSTS_FILE = Text("a path on this machine, with {host} for the host's name", r".*\S.*")
PRINCIPAL = Text("a principal, without `:`, blanks and quotes", r"[^\s:\"\\\\]+")
ATTRIBUTE_VALUE = AttributeValue()
RESOURCE_VALUE = ResourceValue()
