"""HTTPS with the key and the certificates of `--ssl_keystore_path`."""

from __future__ import annotations

import os
import ssl
import tempfile

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from mesosctl.runtime.marathon.keystore import read_keystore


def server_context(path: str, password: str | None) -> ssl.SSLContext:
    """Raises OSError, ValueError where the file cannot be read or the password is not its."""
    keystore = read_keystore(path, password)
    if keystore.key is None or not keystore.chain:
        raise ValueError(f"{path} holds no private key with its certificate")
    passphrase = os.urandom(16).hex()  # OpenSSL reads files only; the key is never written in clear
    encoded = keystore.key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode())
    )
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in keystore.chain)
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
        keystore = read_keystore(path, password)
        for each in (*keystore.chain, *keystore.trusted):
            context.load_verify_locations(cadata=each.public_bytes(Encoding.PEM).decode())
    context.check_hostname = not ignore_hostname
    return context
