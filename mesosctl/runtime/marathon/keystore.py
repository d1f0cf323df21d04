"""Keystores of `--ssl_keystore_path`: PKCS #12, which Java's keytool makes since Java 9, and JKS, which it made before.

A JKS file: 0xFEEDFEED, version, number of entries; each with its kind, alias and time; a key (1) has the encrypted key
and its chain, a trusted certificate (2) has itself; in the end the SHA-1 digest of password, a fixed text and all
before. Numbers are big-endian, passwords UTF-16. The key is XORed with SHA-1 digests, each of the password and the one
before, the first of a salt that stands in front; behind it is the digest of password and key.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs12
from cryptography.x509 import Certificate, load_der_x509_certificate

_MAGIC = 0xFEEDFEED
_KEY, _TRUSTED = 1, 2
_DIGEST_BYTES = 20
_WHITENER = b"Mighty Aphrodite"
_SEQUENCE, _OCTETS = 0x30, 0x04


@dataclass(frozen=True)
class Keystore:
    """The key with its certificate in front of those that lead to it, and the certificates that are trusted."""

    key: PrivateKeyTypes | None
    chain: tuple[Certificate, ...]
    trusted: tuple[Certificate, ...] = ()


def read_keystore(path: str, password: str | None) -> Keystore:
    """Raises OSError, ValueError where the file is none or the password is not its."""
    data = Path(path).read_bytes()
    if data[:4] == struct.pack(">I", _MAGIC):
        try:
            return _read_jks(data, (password or "").encode("utf-16-be"))
        except (struct.error, IndexError, UnicodeDecodeError):
            raise ValueError(f"{path} is a damaged keystore") from None
    key, certificate, others = pkcs12.load_key_and_certificates(data, (password or "").encode() or None)
    return Keystore(key, tuple(each for each in (certificate, *others) if each is not None))


def _read_jks(data: bytes, password: bytes) -> Keystore:
    whole, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if not hmac.compare_digest(hashlib.sha1(password + _WHITENER + whole).digest(), digest):
        raise ValueError("Invalid password or damaged keystore")
    reader = _Reader(whole)
    _, version, entries = reader.numbers(">III")
    if version not in (1, 2):
        raise ValueError(f"JKS version {version} is not known")
    key: PrivateKeyTypes | None = None
    chain: tuple[Certificate, ...] = ()
    trusted = []
    for _ in range(entries):
        (kind,) = reader.numbers(">I")
        reader.text()  # the alias
        reader.numbers(">Q")  # when it was made
        if kind == _KEY:
            encrypted = reader.block(">I")
            (length,) = reader.numbers(">I")
            certificates = tuple(reader.certificate(version) for _ in range(length))
            if key is None:
                key, chain = _key(encrypted, password), certificates
        elif kind == _TRUSTED:
            trusted.append(reader.certificate(version))
        else:
            raise ValueError(f"JKS entries of kind {kind} are not known")
    return Keystore(key, chain, tuple(trusted))


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def numbers(self, form: str) -> tuple[int, ...]:
        found = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return found

    def block(self, form: str) -> bytes:
        """As many bytes as a number of that form says."""
        (length,) = self.numbers(form)
        found = self._data[self._at : self._at + length]
        if len(found) < length:
            raise IndexError(length)
        self._at += length
        return found

    def text(self) -> str:
        return self.block(">H").decode()

    def certificate(self, version: int) -> Certificate:
        if version > 1:
            self.text()  # X.509
        return load_der_x509_certificate(self.block(">I"))


def _key(encrypted: bytes, password: bytes) -> PrivateKeyTypes:
    """`encrypted` is an EncryptedPrivateKeyInfo."""
    _, secret = _elements(_value(encrypted, _SEQUENCE))
    data = _value(secret, _OCTETS)
    salt, body, check = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    stream, block = b"", salt
    while len(stream) < len(body):
        block = hashlib.sha1(password + block).digest()
        stream += block
    plain = bytes(a ^ b for a, b in zip(body, stream, strict=False))
    if not hmac.compare_digest(hashlib.sha1(password + plain).digest(), check):
        raise ValueError("The key's password is not the keystore's")
    return load_der_private_key(plain, None)


def _value(element: bytes, tag: int) -> bytes:
    """What is in a DER element of that tag. Raises ValueError."""
    if element[0] != tag:
        raise ValueError("Keystore's key is not understood")
    start, length = _extent(element)
    return element[start : start + length]


def _elements(value: bytes) -> Iterator[bytes]:
    while value:
        start, length = _extent(value)
        yield value[: start + length]
        value = value[start + length :]


def _extent(element: bytes) -> tuple[int, int]:
    """Where the content of a DER element begins, and how long it is."""
    first = element[1]
    if first < 0x80:
        return 2, first
    size = first & 0x7F
    return 2 + size, int.from_bytes(element[2 : 2 + size])
