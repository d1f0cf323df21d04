"""What becomes of a valid inventory: defaults, merging, secrets, state, and the place of problems in odd files."""

from __future__ import annotations

import base64
import hmac
from pathlib import Path

import pytest

from mesosctl.inventory.known_hosts import KnownHosts
from mesosctl.inventory.load import Loaded, load_inventory, read, read_bytes
from mesosctl.inventory.model import Cluster, Role
from mesosctl.inventory.problem import InvalidInventory, Problem, Severity
from mesosctl.inventory.secrets import masks
from mesosctl.inventory.state import ClusterState, state_home

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGWpZ8lVAq6Rv+xgLaDqf2ZPlKcrYwwFLWxkNQ3ZJ8oL"
OTHER_KEY = KEY[:-4] + "AAAA"
ONE = "name: demo\nhosts:\n  n1: {address: 192.0.2.1, roles: [master, agent]}\n"


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MESOSCTL_STATE", str(tmp_path / "state"))


def loaded(text: str, folder: Path = Path(), *, require_secrets: bool = True) -> Loaded:
    return read_bytes(text.encode(), folder / "inventory.yaml", require_secrets=require_secrets)


def cluster(text: str, folder: Path = Path(), *, require_secrets: bool = True) -> Cluster:
    result = loaded(text, folder, require_secrets=require_secrets)
    assert result.cluster is not None, "\n".join(map(str, result.problems))
    return result.cluster


def test_host_settings_lie_over_the_defaults() -> None:
    made = cluster(
        "name: demo\nssh: {user: ops, sudo: true, port: 2200}\n"
        "hosts:\n  n1: {roles: [master, agent]}\n  n2: {roles: [agent], ssh: {port: 22}}\n"
    )
    assert [(host.address, host.ssh.user, host.ssh.port, host.ssh.sudo) for host in made.hosts] == [
        ("n1", "ops", 2200, True),
        ("n2", "ops", 22, True),
    ]
    assert made.host("n2").roles == {Role.AGENT}


@pytest.mark.parametrize(("masters", "quorum"), [(1, 1), (3, 2), (4, 3), (5, 3)])
def test_quorum_is_the_majority_of_the_masters(masters: int, quorum: int) -> None:
    hosts = "".join(f"  n{n}: {{roles: [master, zookeeper], zookeeper_id: {n}}}\n" for n in range(1, masters + 1))
    assert cluster(f"name: demo\nhosts:\n{hosts}").mesos.quorum == quorum
    assert cluster(f"name: demo\nhosts:\n{hosts}mesos: {{quorum: auto}}\n").mesos.quorum == quorum
    assert cluster(f"name: demo\nhosts:\n{hosts}mesos: {{quorum: {masters}}}\n").mesos.quorum == masters


def test_names_of_the_mesos_cluster() -> None:
    assert cluster(ONE).mesos.cluster == "demo"
    assert cluster(ONE + "mesos: {cluster: Big One}\n").mesos.cluster == "Big One"


def test_zookeeper_ids() -> None:
    hosts = "name: demo\nhosts:\n  a: {roles: [master]}\n  b: {roles: [zookeeper]}\n"
    assert [host.zookeeper_id for host in cluster(hosts).hosts] == [None, 1]
    assert cluster(hosts.replace("zookeeper]", "zookeeper], zookeeper_id: 7")).host("b").zookeeper_id == 7


def test_nothing_after_a_key_counts_as_not_given() -> None:
    hosts = "name: demo\nhosts:\n  a: {roles: [master, zookeeper], zookeeper_id: 1}\n"
    (problem,) = loaded(
        hosts + "  b: {roles: [zookeeper], zookeeper_id: }\n  c: {roles: [zookeeper], zookeeper_id: 3}\n"
    ).errors
    assert problem.message == "`b` has no zookeeper_id, but other hosts have"
    assert problem.line == 4


def test_flags_are_stored_under_their_own_name() -> None:
    made = cluster(
        ONE + "mesos:\n  agent:\n    flags: {MESOS_GC_DELAY: 1days, strict: no, LIBPROCESS_IP: 192.0.2.1,\n"
        "      LIBPROCESS_SSL_ENABLED: 1}\n"
        "  master: {flags: {authenticate_slaves: true}}\n"
        "marathon: {flags: {MARATHON_HA: , disable_ha: }}\n"
    )
    assert made.mesos.agent.flags == {
        "gc_delay": "1days",
        "strict": "false",
        "ip": "192.0.2.1",
        "LIBPROCESS_SSL_ENABLED": "1",
    }
    assert made.mesos.master.flags == {"authenticate_agents": "true"}
    assert made.marathon.flags == {"ha": "", "disable_ha": ""}


def test_secrets_of_marathon_are_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGIN", "anna:pass word")
    text = ONE + "marathon: {flags: {MARATHON_HTTP_CREDENTIALS: 'env:LOGIN', hostname: 'env:LOGIN'}}\n"
    made = cluster(text)
    assert made.marathon.flags == {"http_credentials": "anna:pass word", "hostname": "env:LOGIN"}
    assert "anna:pass word" in masks(made)
    found = loaded(text.replace("env:LOGIN", "anna:x", 1))
    assert [problem.message for problem in found.problems] == ["a secret is written in the inventory itself"]
    monkeypatch.delenv("LOGIN")
    assert "LOGIN is not set" in str(loaded(text).problems)


def test_resources_take_yaml_lists_and_mappings() -> None:
    made = cluster(ONE + "mesos: {agent: {resources: {cpus: 2.5, ports: [31000-32000, 33000-33001], disks: {a, b}}}}\n")
    assert made.mesos.agent.resources == {"cpus": "2.5", "ports": "[31000-32000,33000-33001]", "disks": "{a,b}"}


def test_merge_keys_give_way_to_what_is_written() -> None:
    made = cluster(
        "name: demo\nhosts:\n  a: &a {address: 192.0.2.1, roles: [agent], ssh: &s {port: 2222}}\n"
        "  b: {address: 192.0.2.2, roles: [master], <<: *a}\n  c: {<<: [{address: 192.0.2.3}, *a], ssh: {<<: *s}}\n"
    )
    assert [host.address for host in made.hosts] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert [host.ssh.port for host in made.hosts] == [2222, 2222, 2222]
    assert [sorted(host.roles) for host in made.hosts] == [["agent"], ["master"], ["agent"]]


def test_no_proxy_domains_lose_their_dots() -> None:
    made = cluster(ONE + "proxy: {no_proxy: {domains: [.a.example, '*.b.example'], hosts: ['::1']}}\n")
    assert made.proxy.no_proxy.domains == ("a.example", "b.example")
    assert made.proxy.no_proxy.hosts == ("::1",)


def test_credentials_within_a_proxy_address() -> None:
    result = loaded(ONE + "proxy: {http: 'http://al%69ce:p%40s%2Fs@[::1]:3128/', https: 'HTTPS://proxy:8080'}\n")
    assert result.cluster is not None
    proxy = result.cluster.proxy
    assert (str(proxy.http), str(proxy.https)) == ("http://[::1]:3128/", "https://proxy:8080/")
    assert proxy.username == "alice"
    assert proxy.password is not None
    assert proxy.password.reveal() == "p@s/s"
    assert [problem.message for problem in result.warnings] == ["a secret is written in the inventory itself"]
    assert "p%40s" not in "".join(map(str, result.problems))


class TestSecrets:
    def test_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PW", "p w:@/'\"")
        secret = cluster(ONE + "proxy: {username: u, password: env:PW}\n").proxy.password
        assert secret is not None
        assert (secret.reference, secret.reveal()) == ("env:PW", "p w:@/'\"")

    @pytest.mark.parametrize(("content", "value"), [("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), (" x ", " x ")])
    def test_file(self, tmp_path: Path, content: str, value: str) -> None:
        file = tmp_path / "pw"
        file.write_bytes(content.encode())
        file.chmod(0o600)
        result = loaded(ONE + "proxy: {username: u, password: file:pw}\n", tmp_path)
        assert result.problems == ()
        assert result.cluster is not None
        assert result.cluster.proxy.password is not None
        assert result.cluster.proxy.password.reveal() == value

    def test_file_that_others_can_read(self, tmp_path: Path) -> None:
        (tmp_path / "pw").write_text("x")
        (tmp_path / "pw").chmod(0o640)
        result = loaded(ONE + "proxy: {username: u, password: file:pw}\n", tmp_path)
        assert [problem.message for problem in result.warnings] == [f"{tmp_path}/pw can be read by others"]
        assert result.cluster is not None

    @pytest.mark.parametrize("content", [b"", b"two\nlines\n", b"\xff\xfe", b"a\0b", b"x" * 100_000])
    def test_file_that_holds_no_password(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "pw").write_bytes(content)
        (tmp_path / "pw").chmod(0o600)
        errors = loaded(ONE + "proxy: {username: u, password: file:pw}\n", tmp_path).errors
        assert [(problem.line, problem.column) for problem in errors] == [(4, 32)]

    def test_unresolved_ones_are_accepted_when_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_SUCH", raising=False)
        text = ONE + "ssh: {password: env:NO_SUCH, passphrase: file:no-such}\n"
        assert len(loaded(text).errors) == 2
        ssh = cluster(text, require_secrets=False).hosts[0].ssh
        assert ssh.password is not None
        assert ssh.password.value is None

    def test_never_shown(self) -> None:
        result = loaded(ONE + "ssh:\n  password:\n    hunter2\n  passphrase: hunter2\n  prot: 1\n")
        assert len(result.problems) == 3
        assert "hunter2" not in "".join(map(str, result.problems)) + repr(result.cluster)

    def test_masks_are_all_values_longest_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("A", "aa")
        monkeypatch.setenv("B", "bbbb")
        monkeypatch.setenv("C", "ccc")
        state = ClusterState(state_home() / "demo")
        state.folder.mkdir(parents=True)
        state.node_key.write_text("-----BEGIN-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END-----\n")
        made = cluster(
            ONE + "ssh: {password: env:A}\nproxy: {username: u, password: env:B}\n"
            "zookeeper: {credentials: {username: u, password: env:C}}\n"
        )
        assert masks(made)[1:] == ("b3BlbnNzaC1rZXktdjEAAAAA", "bbbb", "ccc", "aa")
        assert masks(made)[0].startswith("-----BEGIN-----\n")


class TestState:
    def test_where_it_is(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert cluster(ONE).state_dir == tmp_path / "state" / "demo"
        monkeypatch.delenv("MESOSCTL_STATE")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
        assert cluster(ONE).state_dir == tmp_path / "xdg" / "mesosctl" / "demo"
        monkeypatch.setenv("XDG_STATE_HOME", "relative")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        assert cluster(ONE).state_dir == tmp_path / "home" / ".local/state/mesosctl/demo"

    def test_keys_and_host_keys(self) -> None:
        state = ClusterState(state_home() / "demo")
        state.folder.mkdir(parents=True)
        state.operator_public.write_text("ssh-ed25519 OPERATOR\n")
        state.node_public.write_text("ssh-ed25519 NODE\n")
        state.node_key.write_text("PRIVATE\n")
        state.known_hosts.write_text(f"192.0.2.1 {KEY} a comment\n[n2]:2222 {KEY}\n")
        made = cluster(
            "name: demo\nhosts:\n  n1: {address: 192.0.2.1, roles: [master]}\n"
            "  n2: {address: 192.0.2.2, roles: [agent], ssh: {port: 2222}}\n"
            f"  n3: {{address: 192.0.2.3, roles: [agent], host_keys: ['{OTHER_KEY}']}}\n"
        )
        assert (made.keys.operator_public, made.keys.node_public) == ("ssh-ed25519 OPERATOR", "ssh-ed25519 NODE")
        assert made.keys.node_private is not None
        assert made.keys.node_private.reveal() == "PRIVATE\n"
        assert [host.host_keys for host in made.hosts] == [(KEY,), (KEY,), (OTHER_KEY,)]

    def test_a_folder_in_the_place_of_a_file(self) -> None:
        ClusterState(state_home() / "demo").known_hosts.mkdir(parents=True)
        (problem,) = loaded(ONE).errors
        assert problem.line == 1
        assert "known_hosts cannot be read" in problem.message


def test_known_hosts(tmp_path: Path) -> None:
    def hashed(name: str) -> str:
        salt = b"0123456789abcdef0123"
        digest = hmac.digest(salt, name.encode(), "sha1")
        return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"

    file = tmp_path / "known_hosts"
    file.write_text(
        f"# comment\n\nA.example,192.0.2.1 ssh-ed25519 ONE\n{hashed('b.example')} ssh-ed25519 TWO\n"
        f"{hashed('[b.example]:2222')} ssh-rsa THREE\n@revoked a.example ssh-rsa BAD\na.example ssh-rsa BAD\n"
        "@cert-authority * ssh-rsa CA\n|1|broken ssh-rsa X\nshort\n"
    )
    known = KnownHosts(file)
    assert known.lookup(["a.example"], 22) == ("ssh-ed25519 ONE",)
    assert known.lookup(["192.0.2.1", "a.EXAMPLE"], 22) == ("ssh-ed25519 ONE",)
    assert known.lookup(["b.example"], 22) == ("ssh-ed25519 TWO",)
    assert known.lookup(["b.example"], 2222) == ("ssh-rsa THREE",)
    assert known.lookup(["c.example"], 22) == ()
    assert KnownHosts(tmp_path / "none").lookup(["a.example"], 22) == ()


@pytest.mark.parametrize(
    ("data", "line", "column", "words"),
    [
        (b"name: d\xe9mo\n", 1, 8, "UTF-8"),
        (b"\xff\xfen\0a\0", 1, 1, "UTF-8"),
        (b"name: demo\nhosts: \0\n", 2, 8, "U+0000"),
        (b"name: demo\n# \x1b[31m\n", 2, 3, "U+001B"),
        ("# é\nname: é\x07".encode(), 2, 8, "U+0007"),
    ],
)
def test_what_is_not_text(data: bytes, line: int, column: int, words: str) -> None:
    (problem,) = read_bytes(data, Path("i.yaml")).problems
    assert (problem.line, problem.column) == (line, column)
    assert words in problem.message


def test_odd_but_fine_texts() -> None:
    for data in (b"\xef\xbb\xbf" + ONE.encode(), ONE.replace("\n", "\r\n").encode(), ONE.rstrip().encode()):
        assert read_bytes(data, Path("i.yaml")).problems == ()


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path, Path("nul\0")):
        with pytest.raises(InvalidInventory) as error:
            load_inventory(path)
        (problem,) = error.value.problems
        assert problem.line == 0
        assert str(path) in str(problem)


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "i.yaml"
    with file.open("wb") as out:
        out.truncate(17 * 1024 * 1024)
    assert "larger than" in read(file).problems[0].message


def test_endless_merging_is_refused() -> None:
    wide = "{" + ", ".join(f"k{number}: 1" for number in range(3000)) + "}"
    text = f"name: demo\nx: &x {wide}\ny: [" + ", ".join(["{<<: *x}"] * 400) + "]\n"
    assert any("copies more than" in problem.message for problem in loaded(text).problems)


def test_the_error_carries_everything(tmp_path: Path) -> None:
    file = tmp_path / "i.yaml"
    file.write_text(ONE + "prot: 1\nssh: {prt: 2, password: x}\n")
    with pytest.raises(InvalidInventory) as error:
        load_inventory(file)
    assert [(p.severity, p.line) for p in error.value.problems] == [
        (Severity.ERROR, 4),
        (Severity.ERROR, 5),
        (Severity.WARNING, 5),
    ]
    assert error.value.exit_code == 3
    assert f"{file}: 2 errors" in str(error.value)


def test_long_lines_are_cut_around_the_caret() -> None:
    source = "x" * 300 + "!" + "y" * 300
    problem = Problem(
        severity=Severity.ERROR, file=Path("f"), line=1, column=301, message="m", source=source, caret=300
    )
    shown, pointer = str(problem).splitlines()[1:3]
    assert len(shown) < 170
    assert shown[pointer.index("^")] == "!"


def test_a_large_inventory_is_read_quickly() -> None:
    import time

    hosts = "".join(
        f"  n{n}: {{address: 10.{n // 250}.{n % 250}.1, roles: [agent], "
        f"host_keys: ['{KEY}'], attributes: {{rack: r{n}}}}}\n"
        for n in range(2000)
    )
    started = time.process_time()
    assert len(cluster(f"name: demo\nhosts:\n  m: {{roles: [master]}}\n{hosts}").hosts) == 2001
    assert time.process_time() - started < 4


def test_a_file_name_that_no_file_can_have() -> None:
    loaded_ = loaded(f"name: c\nssh: {{key: {'a' * 5000}}}\nhosts: {{n1: {{address: 192.0.2.1, roles: [agent]}}}}\n")
    assert any("there is no file" in warning.message for warning in loaded_.warnings)
