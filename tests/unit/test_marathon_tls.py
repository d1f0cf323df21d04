"""Marathon's keystore: HTTPS is served with it, and another Marathon with the same one trusts it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import NameOID

from mesosctl.runtime.marathon.tls import client_context, server_context

Pair = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def signed(name: str, host: str, authority: Pair | None = None) -> Pair:
    """A key and its certificate, which an authority has signed, or its own key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority[1].subject if authority else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
    )
    return key, builder.sign(authority[0] if authority else key, hashes.SHA256())


def keystore(folder: Path, password: str, host: str, authority: Pair | None = None) -> str:
    """A PKCS #12 file with a certificate that its own key has signed, or that authority, which is in it too."""
    key, certificate = signed("marathon", host, authority)
    path = folder / f"{certificate.serial_number}.p12"
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"marathon",
            key,
            certificate,
            [authority[1]] if authority else None,
            BestAvailableEncryption(password.encode()),
        )
    )
    return str(path)


def asked(server: ssl.SSLContext, client: ssl.SSLContext) -> bytes:
    """What a client at 127.0.0.1 reads. Raises ssl.SSLError."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await writer.drain()
        writer.close()

    async def run() -> bytes:
        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server) as listening:
            port = listening.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
            try:
                return await reader.read()
            finally:
                writer.close()

    return asyncio.run(run())


def test_marathons_with_one_keystore_trust_each_other(tmp_path: Path) -> None:
    path = keystore(tmp_path, "secret", "127.0.0.1")
    assert asked(server_context(path, "secret"), client_context(path, "secret", ignore_hostname=False)) == b"hello"


def test_marathons_of_one_authority_trust_each_other(tmp_path: Path) -> None:
    authority = signed("authority", "127.0.0.1")
    one, other = (keystore(tmp_path, "secret", "127.0.0.1", authority) for _ in range(2))
    assert asked(server_context(one, "secret"), client_context(other, "secret", ignore_hostname=False)) == b"hello"


@pytest.mark.parametrize("damage", [lambda data: data[:100], lambda data: data[:-1] + b"!", lambda data: data[:4]])
def test_a_damaged_java_keystore_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "damaged.jks"
    path.write_bytes(damage(bytes.fromhex("feedfeed0000000200000001") + b"\0" * 200))
    with pytest.raises(ValueError, match="damaged"):
        server_context(str(path), "secret")


def test_others_do_not_trust_it(tmp_path: Path) -> None:
    path = keystore(tmp_path, "secret", "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        asked(server_context(path, "secret"), client_context(None, None, ignore_hostname=False))


def test_the_name_counts_unless_it_is_to_be_ignored(tmp_path: Path) -> None:
    path = keystore(tmp_path, "secret", "192.0.2.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        asked(server_context(path, "secret"), client_context(path, "secret", ignore_hostname=False))
    assert asked(server_context(path, "secret"), client_context(path, "secret", ignore_hostname=True)) == b"hello"


def test_a_wrong_password_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="password"):
        server_context(keystore(tmp_path, "secret", "127.0.0.1"), "other")
