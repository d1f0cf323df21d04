"""Secrets that the inventory does not name: what a file held before a password was changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesosctl.engine.mask import HIDDEN, Mask
from mesosctl.inventory.model import Cluster, Proxy, ProxyUrl, Secret


@pytest.fixture
def mask(tmp_path: Path) -> Mask:
    proxy = Proxy(http=ProxyUrl("http", "proxy", 8080), username="joe", password=Secret("env:P", "fresh"))
    return Mask(Cluster(name="c", hosts=(), path=tmp_path / "i.yaml", state_dir=tmp_path, proxy=proxy))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("-export http_proxy=http://joe:stale%40@p:8080/", f"-export http_proxy=http://joe:{HIDDEN}@p:8080/"),
        ('-Environment="HTTP_PROXY=http://other:st%%40@p/"', f'-Environment="HTTP_PROXY=http://other:{HIDDEN}@p/"'),
        ("-proxy_password = stale", f"-proxy_password = {HIDDEN}"),
        ("-      <password>st ale</password>", f"-      <password>{HIDDEN}</password>"),
        ("-joe:st@le with blanks", f"-joe:{HIDDEN}"),
    ],
)
def test_a_stale_password_in_a_diff_is_hidden(mask: Mask, text: str, shown: str) -> None:
    assert mask(text) == shown


@pytest.mark.parametrize("text", ["http://proxy:8080/", "http_proxy=http://10.0.0.1:3128/", "ssh://h1:22", "fine: joe"])
def test_addresses_without_credentials_stay(mask: Mask, text: str) -> None:
    assert mask(text) == text
