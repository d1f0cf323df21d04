"""What names a master."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesosctl.runtime.coordination.address import HostPort, ZooKeeperUrl, parse_master


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zk://h1:2181/mesos", ZooKeeperUrl("h1:2181", "/mesos")),
        ("zk://h1,h2:2182/a/b/", ZooKeeperUrl("h1:2181,h2:2182", "/a/b")),
        ("zk://user:pass@h1:2181,h2:2181/mesos", ZooKeeperUrl("h1:2181,h2:2181", "/mesos", "user", "pass")),
        ("zk://user:p@s:s@h1:2181/mesos", ZooKeeperUrl("h1:2181", "/mesos", "user", "p@s:s")),
        ("zk://user:%40@h1:2181/x@y", ZooKeeperUrl("h1:2181", "/x@y", "user", "%40")),
        ("10.0.0.1", HostPort("10.0.0.1", 5050)),
        ("master.example:5051\n", HostPort("master.example", 5051)),
        ("[fe80::1]:5052", HostPort("fe80::1", 5052)),
        ("[::1]", HostPort("::1", 5050)),
    ],
)
def test_the_forms(text: str, expected: ZooKeeperUrl | HostPort) -> None:
    assert parse_master(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "zk://h1:2181",
            "zk://h1:2181/",
            "zk:///mesos",
            "zk://h1,,h2/mesos",
            "zk://user@h1:2181/mesos",
            "zk://:p@h/m",
        ),
        *(
            "",
            ":5050",
            "host:",
            "host:port",
            "host:0",
            "host:65536",
            "a:1:2",
            "::1",
            "[::1",
            "[]:1",
            "[::1]5050",
            "a b",
        ),
    ],
)
def test_what_is_none_of_them(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_master(text)


def test_a_file_holds_one(tmp_path: Path) -> None:
    file = tmp_path / "master"
    file.write_text("zk://u:p@h:1/m\n")
    assert parse_master(f"file://{file}") == ZooKeeperUrl("h:1", "/m", "u", "p")
    with pytest.raises(OSError, match="missing"):
        parse_master(f"file://{tmp_path / 'missing'}")


def test_credentials_are_of_zookeepers_digest_scheme() -> None:
    assert ZooKeeperUrl("h:1", "/m", "u", "p:q").credentials == "u:p:q"
    assert ZooKeeperUrl("h:1", "/m").credentials is None
