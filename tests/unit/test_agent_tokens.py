"""The tokens of executors: what is signed by the agent's key is believed, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from mesosctl.runtime.agent.tokens import Tokens

KEY = b"key of the agent"


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed(header: object, claims: object, key: bytes = KEY) -> str:
    """As any other library makes it."""
    text = f"{part(header)}.{part(claims)}"
    signature = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


HEADER = {"alg": "HS256", "typ": "JWT"}
CLAIMS = {"fid": "f", "eid": "e", "cid": "c"}


def test_a_token_tells_whose_it_is() -> None:
    tokens = Tokens(KEY)
    for token in (tokens.token("f", "e", "c"), signed(HEADER, CLAIMS)):
        found = tokens.principal(token)
        assert found
        assert found.container_id == "c"
        assert found.name == "executor e of framework f"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "..",
        "a.b.c",
        "ä.b.c",
        signed(HEADER, CLAIMS, b"another key"),
        signed({"alg": "none"}, CLAIMS),
        signed(HEADER, {"fid": "f", "eid": "e"}),
        signed(HEADER, {**CLAIMS, "cid": 1}),
        signed(HEADER, []),
        signed([], CLAIMS),
        signed(HEADER, CLAIMS)[:-2],
        signed(HEADER, CLAIMS).rpartition(".")[0] + ".",
        f"{part(HEADER)}.{part({**CLAIMS, 'cid': 'other'})}.{signed(HEADER, CLAIMS).rpartition('.')[2]}",
    ],
)
def test_what_is_not_believed(token: str) -> None:
    assert Tokens(KEY).principal(token) is None
