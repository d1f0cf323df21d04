"""Tokens by which executors prove to their agent who they are: JSON web tokens (RFC 7519), HS256, as Apache Mesos'.

The claims `fid`, `eid` and `cid` name the framework, the executor and its container. The token is in the executor's
environment, `MESOS_EXECUTOR_AUTHENTICATION_TOKEN`, and is good for as long as its container is known.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from mesosctl.runtime.http.authentication import Principal

_HEADER = {"alg": "HS256", "typ": "JWT"}


class Tokens:
    """Makes and checks the tokens of one agent; an Authenticator."""

    scheme = "Bearer"

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, framework_id: str, executor_id: str, container_id: str) -> str:
        claims = {"fid": framework_id, "eid": executor_id, "cid": container_id}
        signed = f"{_encode(json.dumps(_HEADER).encode())}.{_encode(json.dumps(claims).encode())}"
        return f"{signed}.{_encode(self._signature(signed))}"

    def principal(self, value: str) -> Principal | None:
        signed, _, signature = value.rpartition(".")
        try:
            if not hmac.compare_digest(_decode(signature), self._signature(signed)):
                return None
            header, claims = (json.loads(_decode(part)) for part in signed.split("."))
            if header["alg"] != _HEADER["alg"] or not isinstance(claims["cid"], str):
                return None
            return Principal(f"executor {claims['eid']} of framework {claims['fid']}", claims["cid"])
        except (ValueError, KeyError, TypeError):
            return None

    def _signature(self, signed: str) -> bytes:
        return hmac.new(self._key, signed.encode(), hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
