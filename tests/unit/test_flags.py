"""Flags of mesos-master and mesos-agent: the rules of Mesos, its catalogue of names, its defaults."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mesosctl.inventory.flag_values import ISOLATORS, KINDS, catalogue
from mesosctl.runtime.agent.containerizer import isolation
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.flags.declare import Flags
from mesosctl.runtime.flags.kinds import (
    ACLS,
    DOMAIN,
    PATH,
    PERCENTAGE,
    RATE,
    TEXT,
    ZOOKEEPER,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)
from mesosctl.runtime.flags.load import FlagError, load
from mesosctl.runtime.flags.master import MasterFlags
from mesosctl.runtime.flags.usage import usage

RECORDED = Path(__file__).parent.parent / "golden" / "mesos" / "endpoints"
REQUIRED = ["--master=127.0.0.1:5050", "--work_dir=/var/lib/mesos"]


def agent(*arguments: str, **environment: str) -> AgentFlags:
    return load(AgentFlags, [*REQUIRED, *arguments], environment)[0]


def test_command_line_forms() -> None:
    flags = agent("--port=6000", "--hostname", "a.corp", "--no-hostname_lookup", "--quiet")
    assert (flags.port, flags.hostname, flags.hostname_lookup, flags.quiet) == (6000, "a.corp", False, True)
    assert agent("--switch_user=0").switch_user is False
    assert agent("--attributes=a:b;c=d").attributes == "a:b;c=d"


@pytest.mark.parametrize("variable", ["MESOS_port", "MESOS_PORT", "MESOS_Port"])
def test_environment_in_any_case(variable: str) -> None:
    assert agent(**{variable: "6000"}).port == 6000


def test_command_line_beats_environment() -> None:
    assert agent("--port=6001", MESOS_PORT="6000").port == 6001


def test_required_from_environment() -> None:
    flags, _ = load(AgentFlags, [], {"MESOS_master": "m:5050", "MESOS_WORK_DIR": "/w"})
    assert (flags.master, flags.work_dir) == ("m:5050", "/w")


def test_unknown_variable_is_a_warning() -> None:
    _, warnings = load(AgentFlags, REQUIRED, {"MESOS_prot": "1", "OTHER": "x", "mesos_port": "2"})
    assert warnings == ["Environment variable MESOS_prot names no flag and is ignored"]


def test_flag_without_effect_is_a_warning_and_shown() -> None:
    flags, warnings = load(AgentFlags, [*REQUIRED, "--hadoop_home=/opt/h", "--no-network_cni_metrics"], {})
    assert warnings == [
        "Flag 'hadoop_home' has no effect in this runtime",
        "Flag 'network_cni_metrics' has no effect in this runtime",
    ]
    assert (flags.shown()["hadoop_home"], flags.shown()["network_cni_metrics"]) == ("/opt/h", "false")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prot=1"], "Failed to load unknown flag 'prot'"),
        (["--no-prot"], "Failed to load unknown flag 'no-prot'"),
        (["--port=x"], "Failed to load flag 'port': Failed to load value 'x': Failed to convert 'x' to number"),
        (["--port"], "Failed to load non-boolean flag 'port': Missing value"),
        (["--port", "--quiet"], "Failed to load non-boolean flag 'port': Missing value"),
        (["--no-port"], "Failed to load non-boolean flag 'port' via 'no-port'"),
        (["--no-quiet=true"], "Failed to load boolean flag 'quiet' via 'no-quiet' with value 'true'"),
        (["--quiet=maybe"], "Expecting a boolean (e.g., true or false)"),
        (["--port=1", "--port=2"], "Failed to load duplicate flag 'port'"),
        (["--executor_shutdown_grace_period=5"], "Invalid duration '5'"),
        (["--executor_shutdown_grace_period=5s"], "Unknown duration unit 's'"),
        (["--attributes=file:///no/such/file"], "Error reading file '/no/such/file'"),
        (["attributes"], "Unexpected argument 'attributes'"),
    ],
)
def test_errors(arguments: list[str], message: str) -> None:
    with pytest.raises(FlagError) as error:
        agent(*arguments)
    assert message in str(error.value)


def test_missing_required() -> None:
    with pytest.raises(FlagError, match="Flag 'master' is required, but it was not provided"):
        load(AgentFlags, ["--work_dir=/w"], {})


def test_value_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "attributes"
    file.write_text("rack:r1\n")
    assert agent(f"--attributes=file://{file}").attributes == "rack:r1"
    assert agent(MESOS_ATTRIBUTES=f"file://{file}").attributes == "rack:r1"
    assert agent(f"--log_dir=file://{file}").log_dir == str(file)


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("5secs", 5, "5secs"),
        ("10mins", 600, "10mins"),
        ("1.5mins", 90, "90secs"),
        ("60secs", 60, "1mins"),
        ("7days", 604800, "1weeks"),
        ("500ms", 0.5, "500ms"),
        ("0ns", 0, "0ns"),
        ("1hrs", 3600, "1hrs"),
    ],
)
def test_durations(text: str, seconds: float, written: str) -> None:
    assert parse_duration(text) == seconds
    assert format_duration(seconds) == written


@pytest.mark.parametrize(("text", "seconds"), [("1/10mins", 600.0), ("4/1secs", 0.25), (" 2 /1mins", 30.0)])
def test_rates(text: str, seconds: float) -> None:
    assert RATE.read(text) == seconds
    assert RATE.read(RATE.write(seconds)) == seconds


@pytest.mark.parametrize("text", ["1", "/1secs", "0/1secs", "x/1secs", "1/0secs", "-1/1secs", "1/1"])
def test_wrong_rates(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting a rate|Invalid duration"):
        RATE.read(text)


def test_percentages() -> None:
    assert [PERCENTAGE.read(text) for text in ("100%", "0%", "12.5%")] == [1.0, 0.0, 0.125]
    assert PERCENTAGE.write(0.125) == "12.5%"
    for text in ("101%", "5", "%", "-1%"):
        with pytest.raises(ValueError, match="Expecting a percentage"):
            PERCENTAGE.read(text)


def test_passwords_of_zookeeper_are_not_shown() -> None:
    assert ZOOKEEPER.write("zk://mesos:s3@cret@h1:2181,h2/mesos") == "zk://mesos:****@h1:2181,h2/mesos"
    assert ZOOKEEPER.write("zk://h1:2181,h2:2181/mesos") == "zk://h1:2181,h2:2181/mesos"
    assert ZOOKEEPER.write("h1:5050") == "h1:5050"


@pytest.mark.parametrize(("text", "size"), [("32MB", 32 * 2**20), ("1GB", 2**30), ("0B", 0), ("1500KB", 1500 * 2**10)])
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert format_size(size) == text


@pytest.mark.parametrize("text", ["1.5GB", "10", "GB", "1gb"])
def test_wrong_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="bytes"):
        parse_size(text)


@pytest.mark.parametrize(("flags", "program"), [(AgentFlags, "agent"), (MasterFlags, "master")])
def test_names_are_those_of_mesos(flags: type[Flags], program: str) -> None:
    assert set(flags.declarations()) | set(flags.ACCEPTED) == set(catalogue(program))
    assert not set(flags.declarations()) & set(flags.ACCEPTED)


WORDS = {
    "boolean": ("true", "2"),
    "duration": ("1.5hrs", "15s"),
    "integer": ("3", "3.5"),
    "number": ("0.1", "x"),
    "size": ("32MB", "1.5GB"),
    "rate": ("1/10mins", "1/10m"),
    "percentage": ("95%", "0.95"),
}
"""For each kind of the inventory's catalogue a value that the programs take, and one that they refuse."""


@pytest.mark.parametrize(("flags", "program"), [(AgentFlags, "agent"), (MasterFlags, "master")])
def test_the_inventory_knows_what_values_are_refused(flags: type[Flags], program: str) -> None:
    given = REQUIRED if program == "agent" else []
    for name, kind in catalogue(program).items():
        if name in flags.ACCEPTED or name in ("help", "version"):
            continue
        good, bad = WORDS.get(kind, ("", ""))
        if good:
            assert load(flags, [*given, f"--{name}={good}"], {})
            with pytest.raises(FlagError):
                load(flags, [*given, f"--{name}={bad}"], {})
        else:
            free = flags.declarations()[name].kind
            assert "|" in kind or free in (TEXT, PATH, ZOOKEEPER, ACLS, DOMAIN), f"{name} has a kind: say which"


@pytest.mark.parametrize(("flags", "program"), [(AgentFlags, "agent"), (MasterFlags, "master")])
def test_defaults_are_values_of_their_kind(flags: type[Flags], program: str) -> None:
    defaults = {**flags.ACCEPTED, **{name: flag.default for name, flag in flags.declarations().items()}}
    for name, kind in catalogue(program).items():
        default = defaults[name]
        if default is not None and kind in KINDS:
            assert KINDS[kind].parse(default) == default, name
        elif default is not None and kind:
            assert default in kind.split("|"), name


def test_the_inventory_knows_the_isolators() -> None:
    assert isolation._ALIASES.keys() | isolation._ALWAYS | isolation._WITHOUT_EFFECT <= ISOLATORS
    own = ISOLATORS - isolation._ALIASES.keys() - isolation._ALWAYS - isolation._WITHOUT_EFFECT
    assert own == {"cgroups/cpu", "cgroups/mem", "cgroups/pids", "disk/du", "namespaces/pid"}


@pytest.mark.parametrize(("flags", "program"), [(AgentFlags, "agent"), (MasterFlags, "master")])
def test_help_names_every_flag(flags: type[Flags], program: str) -> None:
    text = usage(flags, f"mesos-{program}")
    for name in flags.declarations():
        assert f"--{name}=VALUE" in text or f"--[no-]{name}" in text
    for name in flags.ACCEPTED:
        assert name in text
    assert max(map(len, text.splitlines())) <= 120


DEFAULTS_OF_THE_RECORDING = {
    "agent": {"fetcher_cache_dir", "runtime_dir", "systemd_enable_support", "launcher", "isolation"},
    "master": set(),
}
"""Flags whose recorded value was given on the command line of the recording, and is no default."""


@pytest.mark.parametrize(("flags", "program"), [(AgentFlags, "agent"), (MasterFlags, "master")])
def test_shown_as_recorded(flags: type[Flags], program: str) -> None:
    lines = (
        RECORDED.joinpath(f"{program}.jsonl" if program == "agent" else "master-flags.jsonl").read_text().splitlines()
    )
    recorded = next(json.loads(line) for line in lines if '"GET_flags"' in line)["response"]["body"]["flags"]
    given = ["ip", "log_dir", "work_dir", *(["attributes", "master"] if program == "agent" else [])]
    shown = load(flags, [f"--{name}={recorded[name]}" for name in given], {})[0].shown()
    for name in DEFAULTS_OF_THE_RECORDING[program]:
        shown[name] = recorded[name]
    assert shown == recorded


def test_program_prints_help_and_complains() -> None:
    code = (
        "from mesosctl.runtime.flags import program; from mesosctl.runtime.flags.agent import AgentFlags;"
        "program.start(AgentFlags, 'mesos-agent')"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)

    shown = run("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("Usage: mesos-agent [options]\n")
    assert run("--version").stdout == "mesos 1.11.0\n"
    refused = run("--nope=1")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Failed to load unknown flag 'nope'\n")
