"""`--ssl_keystore_path`: a PKCS #12 file with a private key, its certificate and those that lead to it."""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, pkcs12


def server_context(path: str, password: str | None) -> ssl.SSLContext:
    """Raises OSError, ValueError where the file cannot be read or the password is not its."""
    secret = (password or "").encode()
    key, certificate, others = pkcs12.load_key_and_certificates(Path(path).read_bytes(), secret or None)
    if key is None or certificate is None:
        raise ValueError(f"{path} holds no private key with its certificate")
    passphrase = os.urandom(16).hex()  # OpenSSL reads files only; the key is never written in clear
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode()))
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in (certificate, *others))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.NamedTemporaryFile() as file:
        file.write(encoded + chain)
        file.flush()
        context.load_cert_chain(file.name, password=passphrase)
    return context


def client_context(path: str | None, password: str | None, *, ignore_hostname: bool) -> ssl.SSLContext:
    """For requests to the leader: its certificate is trusted where ours, or an authority of the system's, is."""
    context = ssl.create_default_context()
    if path is not None:
        _, certificate, others = pkcs12.load_key_and_certificates(
            Path(path).read_bytes(), (password or "").encode() or None
        )
        for each in (certificate, *others):
            if each is not None:
                context.load_verify_locations(cadata=each.public_bytes(Encoding.PEM).decode())
    context.check_hostname = not ignore_hostname
    return context
