"""The parts of the transport that need no server: settings, known hosts, keys, lines."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesosctl.errors import MesosctlError
from mesosctl.inventory.known_hosts import KnownHosts
from mesosctl.inventory.model import Cluster, Host, Secret, Ssh
from mesosctl.inventory.state import ClusterState
from mesosctl.transport import keys
from mesosctl.transport.become import Root
from mesosctl.transport.endpoint import Endpoint, Endpoints
from mesosctl.transport.errors import TransportError
from mesosctl.transport.hostkey import HostKey, parse_key
from mesosctl.transport.session import Lines
from mesosctl.transport.trust import Finding, State, listed, store
from mesosctl.transport.trusted import Stored, TrustedKeys, judge

ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def cluster(tmp_path: Path, *hosts: Host) -> Cluster:
    return Cluster(name="c1", hosts=hosts, path=tmp_path / "inventory.yaml", state_dir=tmp_path / "state")


def host(name: str = "h", address: str = "192.0.2.1", **ssh: object) -> Host:
    return Host(name=name, address=address, roles=frozenset(), ssh=Ssh(**ssh))  # type: ignore[arg-type]


def endpoint(tmp_path: Path, one: Host, *others: Host) -> Endpoint:
    return Endpoints(cluster(tmp_path, one, *others)).of(one)


def key(text: str = ED) -> HostKey:
    found = parse_key(text, "somewhere")
    assert found is not None
    return found


class TestEndpoints:
    def test_without_a_configuration(self, tmp_path: Path) -> None:
        found = endpoint(tmp_path, host(user="ops", port=2222))
        assert (found.address, found.port, found.user, found.identities, found.jump) == (
            "192.0.2.1",
            2222,
            "ops",
            (),
            None,
        )

    def test_alias_applies_where_the_inventory_says_nothing(self, tmp_path: Path) -> None:
        (tmp_path / ".ssh/config").write_text(
            "Host box\n HostName 192.0.2.7\n User deploy\n Port 2200\n IdentityFile ~/k\n ProxyJump me@b:99\n"
        )
        found = endpoint(tmp_path, host(address="box"))
        assert (found.address, found.port, found.user) == ("192.0.2.7", 2200, "deploy")
        assert [identity.path for identity in found.identities] == [tmp_path / "k"]
        assert found.jump is not None
        assert (found.jump.address, found.jump.port, found.jump.user) == ("b", 99, "me")
        found = endpoint(tmp_path, host(address="box", user="ops", port=2222, key=tmp_path / "own", jump="x"))
        assert (found.port, found.user, found.identities[0].path) == (2222, "ops", tmp_path / "own")
        assert found.jump is not None
        assert found.jump.address == "x"

    def test_include_ends_with_its_file(self, tmp_path: Path) -> None:
        (tmp_path / ".ssh/config").write_text("Host a\n Include sub/*\n User outer\n")
        (tmp_path / ".ssh/sub").mkdir()
        (tmp_path / ".ssh/sub/one").write_text("Host b\n User inner\n")
        assert endpoint(tmp_path, host(address="a")).user == "outer"
        assert endpoint(tmp_path, host(address="b")).user == "inner"

    @pytest.mark.parametrize("text", ["Include config\n", "Match host\n", "Host a\n bad\n"])
    def test_configuration_that_cannot_be_read(self, tmp_path: Path, text: str) -> None:
        (tmp_path / ".ssh/config").write_text(text)
        with pytest.raises(MesosctlError, match="OpenSSH client configuration"):
            endpoint(tmp_path, host())

    def test_named_configuration_must_exist(self, tmp_path: Path) -> None:
        with pytest.raises(MesosctlError, match="No such file"):
            endpoint(tmp_path, host(config=tmp_path / "none"))

    def test_chain_of_bastions(self, tmp_path: Path) -> None:
        found = endpoint(tmp_path, host(user="u", jump="a@one:2201,[fd00::1]:2202, two"))
        last = found.jump
        assert last is not None
        assert (last.user, last.address, last.port, last.bastion) == ("u", "two", 22, True)
        assert last.jump is not None
        assert (last.jump.address, last.jump.port) == ("fd00::1", 2202)
        assert last.jump.jump is not None
        assert (last.jump.jump.user, last.jump.jump.address, last.jump.jump.port) == ("a", "one", 2201)

    def test_bastion_never_gets_the_hosts_password(self, tmp_path: Path) -> None:
        found = endpoint(tmp_path, host(jump="b", password=Secret("env:P", "p")))
        assert found.password is not None
        assert found.jump is not None
        assert found.jump.password is None

    def test_bastion_that_is_a_host_of_the_cluster(self, tmp_path: Path) -> None:
        gate = Host(name="gate", address="192.0.2.9", roles=frozenset(), ssh=Ssh(user="g", port=2022), host_keys=(ED,))
        found = endpoint(tmp_path, host(jump="gate"), gate).jump
        assert found is not None
        assert (found.address, found.user, found.port, found.host_keys) == ("192.0.2.9", "g", 2022, (ED,))


class TestHostKey:
    def test_fingerprint_is_that_of_ssh_keygen(self, tmp_path: Path) -> None:
        (tmp_path / "k.pub").write_text(ED + "\n")
        shown = subprocess.run(["ssh-keygen", "-l", "-f", tmp_path / "k.pub"], capture_output=True, text=True)
        assert key().fingerprint == shown.stdout.split()[1]

    @pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-ed25519 !", "ssh-rsa " + ED.split()[1], "a b c"])
    def test_no_key(self, text: str) -> None:
        assert parse_key(text, "x") is None

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        parse_key(text, "x")


class TestKnownHosts:
    @pytest.mark.parametrize(
        ("names", "matches"),
        [
            ("192.0.2.1", True),
            ("192.0.2.*", True),
            ("192.0.2.?", True),
            ("*,!192.0.2.1", False),
            ("[192.0.2.1]:22", False),
            ("x,192.0.2.1", True),
            ("192.0.2.10", False),
        ],
    )
    def test_names(self, tmp_path: Path, names: str, matches: bool) -> None:
        (tmp_path / "known").write_text(f"{names} {ED} comment\n")
        assert bool(KnownHosts(tmp_path / "known").entries("192.0.2.1", 22)) == matches

    def test_pattern_with_a_port(self, tmp_path: Path) -> None:
        (tmp_path / "known").write_text(f"[*.example]:2222 {ED}\n")
        assert KnownHosts(tmp_path / "known").lookup(["A.example"], 2222) == (ED,)
        assert KnownHosts(tmp_path / "known").lookup(["a.example"], 22) == ()

    @given(st.binary())
    def test_any_file(self, tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
        file = tmp_path_factory.mktemp("any") / "known"
        file.write_bytes(content)
        KnownHosts(file).lookup(["a"], 22)


class TestJudgement:
    def test_first_source_that_knows_decides(self, tmp_path: Path) -> None:
        (tmp_path / "known").write_text(f"192.0.2.1 {ED}\n")
        (tmp_path / ".ssh/known_hosts").write_text(f"192.0.2.1 {OTHER}\n192.0.2.2 {OTHER}\n")
        trusted = TrustedKeys(tmp_path / "known")
        assert [k.text for k in trusted.stored(endpoint(tmp_path, host())).keys] == [ED]
        assert [k.text for k in trusted.stored(endpoint(tmp_path, host(address="192.0.2.2"))).keys] == [OTHER]

    def test_message_names_the_file_even_where_the_loader_has_read_it(self, tmp_path: Path) -> None:
        (tmp_path / "known").write_text(f"\n192.0.2.1 {ED}\n")
        one = Host(name="h", address="192.0.2.1", roles=frozenset(), host_keys=(ED,))
        stored = TrustedKeys(tmp_path / "known").stored(endpoint(tmp_path, one))
        with pytest.raises(TransportError) as caught:
            judge(endpoint(tmp_path, one), stored, key(OTHER))
        assert caught.value.cause == "host-key-changed"
        for part in (key().fingerprint, key(OTHER).fingerprint, f"{tmp_path}/known line 2"):
            assert part in caught.value.what
        assert caught.value.fix is not None
        assert "hosts trust --replace h" in caught.value.fix

    def test_pinned_key_is_corrected_in_the_inventory(self, tmp_path: Path) -> None:
        one = Host(name="h", address="192.0.2.1", roles=frozenset(), host_keys=(ED,))
        with pytest.raises(TransportError, match="host_keys in the inventory"):
            judge(
                endpoint(tmp_path, one),
                TrustedKeys(tmp_path / "none").stored(endpoint(tmp_path, one)),
                key(OTHER),
            )

    def test_unknown(self, tmp_path: Path) -> None:
        with pytest.raises(TransportError) as caught:
            judge(endpoint(tmp_path, host()), Stored((), ()), key())
        assert caught.value.cause == "host-key-unknown"


class TestStore:
    def finding(self, address: str, text: str, state: State = State.UNKNOWN, port: int = 22) -> Finding:
        return Finding(host=address, address=address, port=port, names=((address, port),), state=state, key=key(text))

    def test_new_changed_and_foreign_lines(self, tmp_path: Path) -> None:
        one = cluster(tmp_path)
        state = ClusterState(one.state_dir)
        store(one, [self.finding("a", ED), self.finding("b", ED, port=2222)])
        assert state.known_hosts.read_text() == f"a {ED}\n[b]:2222 {ED}\n"
        assert state.known_hosts.stat().st_mode & 0o777 == 0o600
        state.known_hosts.write_text(f"# note\na,foreign {ED}\n@revoked a {ED}\nz {OTHER}\n")
        store(one, [self.finding("a", OTHER, State.CHANGED)])
        assert state.known_hosts.read_text() == f"# note\nforeign {ED}\n@revoked a {ED}\nz {OTHER}\na {OTHER}\n"
        assert [file.name for file in state.folder.iterdir()] == ["known_hosts"]

    def test_what_is_known_changes_nothing(self, tmp_path: Path) -> None:
        one = cluster(tmp_path)
        store(one, [self.finding("a", ED), self.finding("b", ED)])
        before = ClusterState(one.state_dir).known_hosts.read_text()
        store(one, [self.finding("a", ED, State.KNOWN)])
        assert ClusterState(one.state_dir).known_hosts.read_text() == before

    def test_list(self, tmp_path: Path) -> None:
        one = cluster(tmp_path, host("h", "a", jump="gate"), host("i", "b", jump="gate"))
        store(one, [self.finding("a", ED)])
        found = {finding.host: finding.state for finding in listed(one, one.hosts)}
        assert found == {"h": "known", "gate": "unknown", "i": "unknown"}

    def test_folder_that_cannot_be_used(self, tmp_path: Path) -> None:
        (tmp_path / "state").write_text("in the way")
        with pytest.raises(MesosctlError, match="cannot be used"):
            store(cluster(tmp_path), [self.finding("a", ED)])


class TestKeys:
    def test_made_once(self, tmp_path: Path) -> None:
        one = cluster(tmp_path)
        first = keys.ensure(one)
        assert keys.ensure(one) == first == keys.present(one)
        state = ClusterState(one.state_dir)
        for private, public in (
            (state.operator_key, first.operator_public),
            (state.node_key, first.node_public),
        ):
            shown = subprocess.run(["ssh-keygen", "-y", "-f", private], capture_output=True, text=True, check=True)
            assert shown.stdout.split()[:2] == public.split()[:2]
            assert public.split()[2] == "mesosctl-c1"
            assert private.stat().st_mode & 0o777 == 0o600
        assert first.node_private is not None
        assert first.node_private.reveal() == state.node_key.read_text()
        assert "PRIVATE" not in repr(first)

    def test_lost_public_half_comes_back(self, tmp_path: Path) -> None:
        one = cluster(tmp_path)
        first = keys.ensure(one)
        ClusterState(one.state_dir).operator_public.unlink()
        assert keys.ensure(one) == first

    def test_rotation(self, tmp_path: Path) -> None:
        one = cluster(tmp_path)
        old = keys.ensure(one)
        staged = keys.stage(one)
        assert keys.stage(one) == staged, "an interrupted rotation goes on with the same keys"
        assert keys.present(one) == old
        was, becomes = staged.operator_public.splitlines()
        assert was == old.operator_public
        assert staged.node_private is not None
        assert old.node_private is not None
        assert staged.node_private.reveal() == old.node_private.reveal()
        new = keys.adopt(one)
        assert new.operator_public == becomes
        assert new.node_public == staged.node_public.splitlines()[1]
        assert new.node_private is not None
        assert new.node_private.reveal() != old.node_private.reveal()
        assert keys.adopt(one) == new, "adopting twice changes nothing"
        assert sorted(path.name for path in one.state_dir.iterdir()) == [
            "id_ed25519",
            "id_ed25519.pub",
            "nodes_ed25519",
            "nodes_ed25519.pub",
        ]

    def test_discard_and_remove(self, tmp_path: Path) -> None:
        one = cluster(tmp_path)
        old = keys.ensure(one)
        keys.stage(one)
        keys.discard(one)
        assert keys.adopt(one) == old
        keys.remove(one)
        assert list(one.state_dir.iterdir()) == []
        assert keys.present(one).operator_public == ""

    def test_file_that_is_no_key(self, tmp_path: Path) -> None:
        one = cluster(tmp_path)
        keys.ensure(one)
        ClusterState(one.state_dir).operator_key.write_text("garbage")
        with pytest.raises(MesosctlError, match="id_ed25519"):
            keys.ensure(one)


class TestLines:
    @given(st.lists(st.binary(max_size=8)))
    def test_cut_anywhere(self, pieces: list[bytes]) -> None:
        found: list[str] = []
        lines = Lines(found.append)
        for piece in pieces:
            lines.feed(piece)
        lines.end()
        expected = b"".join(pieces).split(b"\n")
        if expected[-1] == b"":
            expected.pop()
        assert found == [line.decode("utf-8", "replace") for line in expected]


def test_sudo_is_asked_with_a_prompt_that_nobody_can_foresee() -> None:
    one = host(user="ops", sudo=True, sudo_password=Secret("env:P", "pass"))
    first, second = Root(one, "exec sh -s").command, Root(one, "exec sh -s").command
    assert first != second
    assert "pass" not in first
    assert Root(host(), "exec sh -s").command == "exec sh -s"
