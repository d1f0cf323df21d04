"""How Marathon's command line and environment are read."""

from __future__ import annotations

from typing import Any

import pytest

from mesosctl.runtime.flags.load import FlagError
from mesosctl.runtime.marathon.flags import load

MASTER = ["--master", "zk://zk1:2181/mesos"]

GOOD: list[tuple[list[str], dict[str, str], dict[str, Any]]] = [
    (MASTER, {}, {"master": "zk://zk1:2181/mesos", "zk": "zk://localhost:2181/marathon", "http_port": 8080}),
    ([*MASTER, "--http_port=8081"], {}, {"http_port": 8081}),
    (["--http_port", "8081"], {"MARATHON_MASTER": "h:5050"}, {"http_port": 8081, "master": "h:5050"}),
    ([*MASTER, "--disable_ha"], {}, {"ha": False}),
    (MASTER, {"MARATHON_DISABLE_HA": ""}, {"ha": False}),
    (MASTER, {"MARATHON_MESOS_AUTHENTICATION": ""}, {"mesos_authentication": True}),
    (MASTER, {"MARATHON_APP_ID": "/marathon", "MESOS_MASTER": "x"}, {"ha": True}),
    ([*MASTER, "--enable_features", "vips, task_killing"], {}, {"features": ("task_killing", "vips")}),
    ([*MASTER, "--zk_max_versions", "7"], {}, {"zk_max_versions": 7}),
]

BAD: list[tuple[list[str], dict[str, str], str]] = [
    ([], {}, "Required flag 'master'"),
    ([*MASTER, "--nonsense", "1"], {}, "Unknown flag 'nonsense'"),
    (MASTER, {"MARATHON_HOME": "/opt/marathon"}, "MARATHON_HOME"),
    (MASTER, {"MARATHON_MASTER": "h:5050"}, "'master' is given more than once"),
    ([*MASTER, "--http_port", "x"], {}, "'http_port'"),
    ([*MASTER, "--http_port"], {}, "--http_port needs a value"),
    ([*MASTER, "--disable_http_port"], {}, "Unknown flag"),
    ([*MASTER, "--disable_ha=true"], {}, "takes no value"),
    ([*MASTER, "--ha", "--disable_ha"], {}, "'ha' is given more than once"),
    ([*MASTER, "stray"], {}, "Unexpected argument 'stray'"),
]


@pytest.mark.parametrize(("arguments", "environment", "expected"), GOOD)
def test_good(arguments: list[str], environment: dict[str, str], expected: dict[str, Any]) -> None:
    flags, _ = load(arguments, environment)
    assert {name: getattr(flags, name) for name in expected} == expected


@pytest.mark.parametrize(("arguments", "environment", "message"), BAD)
def test_bad(arguments: list[str], environment: dict[str, str], message: str) -> None:
    with pytest.raises(FlagError, match=message):
        load(arguments, environment)


def test_what_has_no_effect_is_said() -> None:
    flags, warnings = load([*MASTER, "--launch_tokens", "50", "--disable_tracing"], {})
    assert warnings == [
        "Flag 'launch_tokens' has no effect in this runtime",
        "Flag 'tracing' has no effect in this runtime",
    ]
    assert flags.accepted["launch_tokens"] == "50"
