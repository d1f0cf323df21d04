"""The transport against real sshd, sudo and ssh-agent processes on this machine."""

from __future__ import annotations

import io
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mesosctl.inventory.model import Host
from mesosctl.transport import session as session_module
from mesosctl.transport.errors import TransportError
from mesosctl.transport.ssh import SshTransport
from tests.integration.sshd import SSHD, Sshd, make_cluster, make_key, secret, user
from tests.ports import free_port

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or SSHD is None, reason="needs root and openssh-server")

Open = Callable[..., SshTransport]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's key."""
    return make_key(tmp_path_factory.mktemp("key") / "operator")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd"), key)
    yield server
    server.stop()


@pytest.fixture
def make_sshd(tmp_path: Path, key: Path) -> Iterator[Callable[..., Sshd]]:
    """More servers, for tests that break them."""
    made: list[Sshd] = []

    def make(name: str, **how: str) -> Sshd:
        made.append(Sshd(tmp_path / name, key, **how))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def transport(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Makes transports that know nothing of the user who runs the tests."""
    (tmp_path / "home/.ssh").mkdir(parents=True)
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    made: list[SshTransport] = []

    def make(*hosts: Host) -> SshTransport:
        made.append(SshTransport(make_cluster(tmp_path / "state", *hosts)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def output(transport: SshTransport, host: Host, program: str = "id -un", timeout: float = 30) -> list[str]:
    """The lines that a program prints on a host."""
    lines: list[str] = []
    connection = transport.connect(host)
    done = connection.run(program, lines.append, timeout=timeout)
    connection.close()
    assert done.exit_status == 0, done
    return lines


def failure(transport: SshTransport, host: Host) -> TransportError:
    with pytest.raises(TransportError) as caught:
        transport.connect(host)
    assert caught.value.host == host.name
    return caught.value


class TestLogin:
    def test_root_with_a_key(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        assert output(transport(host), host) == ["root"]

    def test_key_of_the_cluster(self, transport: Open, sshd: Sshd, key: Path, tmp_path: Path) -> None:
        shutil.copy(key, tmp_path / "state/id_ed25519")
        host = sshd.host("h")
        assert output(transport(host), host) == ["root"]

    def test_default_key_of_the_user(self, transport: Open, sshd: Sshd, key: Path, tmp_path: Path) -> None:
        shutil.copy(key, tmp_path / "home/.ssh/id_ed25519")
        host = sshd.host("h")
        assert output(transport(host), host) == ["root"]

    def test_rsa_key(self, transport: Open, make_sshd: Callable[..., Sshd], tmp_path: Path) -> None:
        rsa = make_key(tmp_path / "rsa", kind="rsa")
        server = make_sshd("one", host_key="rsa")
        (server.folder / "authorized").write_text((tmp_path / "rsa.pub").read_text())
        host = server.host("h", key=rsa)
        assert output(transport(host), host) == ["root"]

    def test_encrypted_key(self, transport: Open, make_sshd: Callable[..., Sshd], tmp_path: Path) -> None:
        locked = make_key(tmp_path / "locked", passphrase="open sesame")
        server = make_sshd("one")
        (server.folder / "authorized").write_text((tmp_path / "locked.pub").read_text())
        host = server.host("h", key=locked, passphrase=secret("open sesame"))
        assert output(transport(host), host) == ["root"]
        error = failure(transport(host), server.host("h", key=locked))
        assert error.cause == "passphrase"
        assert str(locked) in error.what
        error = failure(transport(host), server.host("h", key=locked, passphrase=secret("wrong")))
        assert error.cause == "passphrase"
        assert "wrong" not in str(error)

    def test_agent(
        self, transport: Open, sshd: Sshd, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agent_socket = str(tmp_path / "agent")
        agent = subprocess.Popen(["ssh-agent", "-D", "-a", agent_socket], stdout=subprocess.DEVNULL)
        try:
            while not os.path.exists(agent_socket):
                time.sleep(0.01)
            monkeypatch.setenv("SSH_AUTH_SOCK", agent_socket)
            others = [make_key(tmp_path / f"other{number}") for number in range(4)]
            subprocess.run(["ssh-add", "-q", *others, key], check=True)
            host = sshd.host("h")
            one = transport(host)
            with ThreadPoolExecutor(16) as pool:
                results = list(pool.map(lambda _: output(one, host), range(32)))
            assert results == [["root"]] * 32
        finally:
            agent.kill()
            agent.wait()

    def test_password(self, transport: Open, sshd: Sshd) -> None:
        with user("mctl-login", "pass word'\"$") as name:
            host = sshd.host("h", user=name, password=secret("pass word'\"$"))
            assert output(transport(host), host) == [name]
            error = failure(transport(host), sshd.host("h", user=name, password=secret("wrong")))
            assert error.cause == "authentication"
            assert "tried: password" in error.what
            assert "the server allows: publickey, password" in error.what
            assert "wrong" not in str(error)

    def test_password_that_is_asked_interactively(self, transport: Open, make_sshd: Callable[..., Sshd]) -> None:
        server = make_sshd("one", options="UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no")
        with user("mctl-login", "pass word") as name:
            host = server.host("h", user=name, password=secret("pass word"))
            assert output(transport(host), host) == [name]

    def test_key_and_password_together(self, transport: Open, make_sshd: Callable[..., Sshd], key: Path) -> None:
        server = make_sshd("one", options="AuthenticationMethods publickey,password")
        with user("mctl-login", "pass word") as name:
            host = server.host("h", user=name, key=key, password=secret("pass word"))
            assert output(transport(host), host) == [name]
            assert failure(transport(host), server.host("h", user=name, key=key)).cause == "authentication"

    def test_refused_key(self, transport: Open, sshd: Sshd, tmp_path: Path) -> None:
        other = make_key(tmp_path / "other")
        error = failure(transport(), sshd.host("h", key=other))
        assert error.cause == "authentication"
        assert f"tried: key {other}" in error.what
        assert "the server allows: publickey, password" in error.what

    def test_nothing_to_try(self, transport: Open, sshd: Sshd, tmp_path: Path) -> None:
        error = failure(transport(), sshd.host("h", key=tmp_path / "missing"))
        assert error.cause == "authentication"
        assert f"there is no key file {tmp_path}/missing" in error.what

    def test_server_that_hangs_up_after_too_many_keys(
        self, transport: Open, make_sshd: Callable[..., Sshd], tmp_path: Path
    ) -> None:
        server = make_sshd("one", options="MaxAuthTries 1")
        make_key(tmp_path / "home/.ssh/id_ed25519")
        error = failure(transport(), server.host("h", key=make_key(tmp_path / "other"), password=secret("x")))
        assert error.cause == "authentication"
        assert "hung up" in error.what

    def test_alias_of_ssh_config(self, transport: Open, sshd: Sshd, key: Path, tmp_path: Path) -> None:
        (tmp_path / "home/.ssh/config").write_text("Include extra/*\n")
        (tmp_path / "home/.ssh/extra").mkdir()
        (tmp_path / "home/.ssh/extra/lab").write_text(
            f"Host box\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User root\n  IdentityFile {key}\n"
        )
        host = Host(name="h", address="box", roles=frozenset(), host_keys=(sshd.public_key,))
        assert output(transport(host), host) == ["root"]


@pytest.fixture(scope="module")
def users() -> Iterator[None]:
    with (
        user("mctl-free", "pw", "USER ALL=(ALL) NOPASSWD: ALL"),
        user("mctl-asks", "se cret", "USER ALL=(ALL) ALL\nDefaults:USER use_pty"),
        user("mctl-tty", "pw", "USER ALL=(ALL) NOPASSWD: ALL\nDefaults:USER requiretty"),
        user("mctl-none", "pw"),
    ):
        yield


class TestSudo:
    def test_without_password(self, transport: Open, sshd: Sshd, key: Path, users: None) -> None:
        host = sshd.host("h", user="mctl-free", key=key, sudo=True)
        assert output(transport(host), host, "id -un; echo $HOME") == ["root", "/root"]

    def test_with_password(self, transport: Open, sshd: Sshd, key: Path, users: None) -> None:
        host = sshd.host("h", user="mctl-asks", key=key, sudo=True, sudo_password=secret("se cret"))
        assert output(transport(host), host) == ["root"]

    def test_large_program_through_sudo(self, transport: Open, sshd: Sshd, key: Path, users: None) -> None:
        host = sshd.host("h", user="mctl-asks", key=key, sudo=True, sudo_password=secret("se cret"))
        assert output(transport(host), host, "echo begin\n" + "# padding line\n" * 200_000 + "echo end") == [
            "begin",
            "end",
        ]

    def test_wrong_password(self, transport: Open, sshd: Sshd, key: Path, users: None) -> None:
        host = sshd.host("h", user="mctl-asks", key=key, sudo=True, sudo_password=secret("wrong"))
        before = time.monotonic()
        with pytest.raises(TransportError) as caught:
            output(transport(host), host)
        assert caught.value.cause == "sudo-password"
        assert "wrong" not in str(caught.value)
        assert time.monotonic() - before < 30

    def test_missing_password(self, transport: Open, sshd: Sshd, key: Path, users: None) -> None:
        host = sshd.host("h", user="mctl-asks", key=key, sudo=True)
        with pytest.raises(TransportError, match="none is given") as caught:
            output(transport(host), host)
        assert caught.value.cause == "sudo-password"

    def test_requiretty(self, transport: Open, sshd: Sshd, key: Path, users: None) -> None:
        host = sshd.host("h", user="mctl-tty", key=key, sudo=True)
        with pytest.raises(TransportError, match="requiretty") as caught:
            output(transport(host), host)
        assert caught.value.cause == "sudo-refused"

    def test_user_who_may_not(self, transport: Open, sshd: Sshd, key: Path, users: None) -> None:
        host = sshd.host("h", user="mctl-none", key=key, sudo=True, sudo_password=secret("pw"))
        with pytest.raises(TransportError, match="not in the sudoers file") as caught:
            output(transport(host), host)
        assert caught.value.cause == "sudo-refused"

    def test_password_is_not_executed_where_none_is_asked_for(
        self, transport: Open, sshd: Sshd, key: Path, users: None, tmp_path: Path
    ) -> None:
        trap = f"touch {tmp_path}/leaked"
        host = sshd.host("h", user="mctl-free", key=key, sudo=True, sudo_password=secret(trap))
        assert output(transport(host), host, "cat </dev/null; id -un") == ["root"]
        assert not (tmp_path / "leaked").exists()

    def test_put(self, transport: Open, sshd: Sshd, key: Path, users: None, tmp_path: Path) -> None:
        host = sshd.host("h", user="mctl-asks", key=key, sudo=True, sudo_password=secret("se cret"))
        content = os.urandom(3_000_000)
        target = tmp_path / "with space 'and quote"
        transport(host).connect(host).put(io.BytesIO(content), str(target), timeout=30)
        assert target.read_bytes() == content
        assert (target.stat().st_mode & 0o777, target.stat().st_uid) == (0o600, 0)


class TestHostKeys:
    def test_unknown(self, transport: Open, sshd: Sshd, key: Path) -> None:
        error = failure(transport(), sshd.host("h", pinned=False, key=key))
        assert error.cause == "host-key-unknown"
        assert fingerprint(sshd) in error.what
        assert error.fix is not None
        assert "mesosctl hosts trust" in error.fix
        assert f"127.0.0.1 port {sshd.port}" in error.what

    @pytest.mark.parametrize("file", ["state/known_hosts", "home/.ssh/known_hosts"])
    def test_known_from_a_file(self, transport: Open, sshd: Sshd, key: Path, tmp_path: Path, file: str) -> None:
        (tmp_path / file).write_text(f"[127.0.0.1]:{sshd.port} {sshd.public_key}\n")
        host = sshd.host("h", pinned=False, key=key)
        assert output(transport(host), host) == ["root"]

    def test_hashed_by_openssh(self, transport: Open, sshd: Sshd, key: Path, tmp_path: Path) -> None:
        file = tmp_path / "home/.ssh/known_hosts"
        file.write_text(f"[127.0.0.1]:{sshd.port} {sshd.public_key}\n")
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
        assert "127.0.0.1" not in file.read_text()
        host = sshd.host("h", pinned=False, key=key)
        assert output(transport(host), host) == ["root"]

    def test_changed(
        self, transport: Open, sshd: Sshd, make_sshd: Callable[..., Sshd], key: Path, tmp_path: Path
    ) -> None:
        other = make_sshd("other")
        file = tmp_path / "home/.ssh/known_hosts"
        file.write_text(f"# comment\n[127.0.0.1]:{sshd.port} {other.public_key}\n")
        error = failure(transport(), sshd.host("h", pinned=False, key=key))
        assert error.cause == "host-key-changed"
        assert fingerprint(sshd) in error.what
        assert fingerprint(other) in error.what
        assert f"{file} line 2" in error.what

    def test_key_of_another_type_counts_as_changed(
        self, transport: Open, sshd: Sshd, make_sshd: Callable[..., Sshd], key: Path
    ) -> None:
        other = make_sshd("other", host_key="ecdsa")
        host = Host(name="h", address="127.0.0.1", roles=frozenset(), ssh=sshd.host("h", key=key).ssh)
        host = Host(name="h", address="127.0.0.1", roles=frozenset(), ssh=host.ssh, host_keys=(other.public_key,))
        assert failure(transport(), host).cause == "host-key-changed"

    def test_negotiates_the_stored_type(
        self, transport: Open, make_sshd: Callable[..., Sshd], key: Path, tmp_path: Path
    ) -> None:
        rsa = make_key(tmp_path / "rsa", kind="rsa")
        server = make_sshd("one", options=f"HostKey {rsa}")
        stored = (tmp_path / "rsa.pub").read_text()
        host = Host(
            name="h", address="127.0.0.1", roles=frozenset(), ssh=server.host("h", key=key).ssh, host_keys=(stored,)
        )
        assert output(transport(host), host) == ["root"]

    def test_pinned_key_wins_over_the_users_file(
        self, transport: Open, sshd: Sshd, make_sshd: Callable[..., Sshd], key: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "home/.ssh/known_hosts").write_text(f"[127.0.0.1]:{sshd.port} {sshd.public_key}\n")
        host = Host(
            name="h",
            address="127.0.0.1",
            roles=frozenset(),
            ssh=sshd.host("h", key=key).ssh,
            host_keys=(make_sshd("other").public_key,),
        )
        assert failure(transport(), host).cause == "host-key-changed"

    def test_revoked(self, transport: Open, sshd: Sshd, key: Path, tmp_path: Path) -> None:
        (tmp_path / "home/.ssh/known_hosts").write_text(f"@revoked * {sshd.public_key}\n")
        error = failure(transport(), sshd.host("h", key=key))
        assert error.cause == "host-key-changed"
        assert "revoked" in error.what

    def test_sha1_only(self, transport: Open, make_sshd: Callable[..., Sshd], key: Path) -> None:
        server = make_sshd("one", host_key="rsa", options="HostKeyAlgorithms ssh-rsa")
        error = failure(transport(), server.host("h", key=key))
        assert error.cause == "host-key-unsupported"
        assert "SHA-1" in error.what


class TestBastion:
    def test_chain(self, transport: Open, make_sshd: Callable[..., Sshd], key: Path, tmp_path: Path) -> None:
        first, second, target = (make_sshd(name) for name in ("first", "second", "target"))
        known = "".join(f"[127.0.0.1]:{server.port} {server.public_key}\n" for server in (first, second))
        (tmp_path / "state/known_hosts").write_text(known)
        jump = f"root@127.0.0.1:{first.port}, 127.0.0.1:{second.port}"
        hosts = [target.host(f"h{number}", key=key, jump=jump) for number in range(8)]
        one = transport(*hosts)
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda host: output(one, host), hosts)) == [["root"]] * 8
        assert first.log.count("Accepted publickey") == 1, "the connection to the bastion is shared"
        assert target.log.count("Accepted publickey") == 8

    @pytest.mark.parametrize("state", ["unknown", "changed"])
    def test_untrusted_bastion(
        self, transport: Open, sshd: Sshd, make_sshd: Callable[..., Sshd], key: Path, tmp_path: Path, state: str
    ) -> None:
        bastion = make_sshd("bastion")
        if state == "changed":
            (tmp_path / "state/known_hosts").write_text(f"[127.0.0.1]:{bastion.port} {sshd.public_key}\n")
        error = failure(transport(), sshd.host("h", key=key, jump=f"127.0.0.1:{bastion.port}"))
        assert error.cause == f"host-key-{state}"
        assert f"bastion 127.0.0.1:{bastion.port}" in error.what
        assert "Accepted" not in bastion.log

    def test_refused_behind_the_bastion(
        self, transport: Open, sshd: Sshd, key: Path, tmp_path: Path, make_sshd: Callable[..., Sshd]
    ) -> None:
        (tmp_path / "state/known_hosts").write_text(f"[127.0.0.1]:{sshd.port} {sshd.public_key}\n")
        gone = make_sshd("gone")
        gone.stop()
        error = failure(transport(), gone.host("h", key=key, jump=f"127.0.0.1:{sshd.port}"))
        assert error.cause in ("refused", "unreachable"), "OpenSSH does not always tell them apart"
        assert f"127.0.0.1 port {gone.port}" in error.what

    def test_comes_back_after_the_bastion_died(
        self, transport: Open, sshd: Sshd, key: Path, tmp_path: Path, make_sshd: Callable[..., Sshd]
    ) -> None:
        bastion = make_sshd("bastion")
        (tmp_path / "state/known_hosts").write_text(f"[127.0.0.1]:{bastion.port} {bastion.public_key}\n")
        host = sshd.host("h", key=key, jump=f"127.0.0.1:{bastion.port}")
        one = transport(host)
        assert output(one, host) == ["root"]
        bastion.stop()
        bastion.start()
        time.sleep(0.2)
        assert output(one, host) == ["root"]


class TestUnreachable:
    def test_refused(self, transport: Open, key: Path) -> None:
        port = free_port()
        error = failure(transport(), Host(name="h", address="127.0.0.1", roles=frozenset(), ssh=ssh(port, key)))
        assert error.cause == "refused"
        assert f"127.0.0.1 port {port}" in error.what

    def test_unresolvable(self, transport: Open, key: Path) -> None:
        error = failure(transport(), Host(name="h", address="no-such.invalid", roles=frozenset(), ssh=ssh(22, key)))
        assert error.cause == "unresolvable"
        assert "no-such.invalid" in error.what

    def test_name_service_that_does_not_answer(
        self, transport: Open, key: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stall(address: str, port: int, family: int, kind: int, protocol: int, flags: int) -> list[object]:
            if flags & socket.AI_NUMERICHOST:
                raise socket.gaierror(socket.EAI_NONAME, "no number")
            time.sleep(20)
            return []

        monkeypatch.setattr(socket, "getaddrinfo", stall)
        before = time.monotonic()
        host = Host(name="h", address="some.name", roles=frozenset(), ssh=ssh(22, key))
        assert failure(transport(), host).cause == "unresolvable"
        assert time.monotonic() - before < 15

    def test_unreachable(self, transport: Open, key: Path) -> None:
        error = failure(transport(), Host(name="h", address="255.255.255.255", roles=frozenset(), ssh=ssh(22, key)))
        assert error.cause == "unreachable"

    def test_server_that_never_speaks(self, transport: Open, key: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            before = time.monotonic()
            error = failure(transport(), Host(name="h", address="127.0.0.1", roles=frozenset(), ssh=ssh(port, key)))
            assert error.cause == "timeout"
            assert time.monotonic() - before < 15

    def test_no_connection_at_all(self, transport: Open, key: Path) -> None:
        with full_socket() as port:
            error = failure(transport(), Host(name="h", address="127.0.0.1", roles=frozenset(), ssh=ssh(port, key)))
            assert error.cause == "timeout"
            assert "within 1 s" in error.what

    @pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", os.urandom(4096)])
    def test_something_else_answers(self, transport: Open, key: Path, greeting: bytes) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def answer() -> None:
                peer, _ = server.accept()
                peer.sendall(greeting)
                peer.close()

            threading.Thread(target=answer, daemon=True).start()
            host = Host(name="h", address="127.0.0.1", roles=frozenset(), ssh=ssh(server.getsockname()[1], key))
            assert failure(transport(), host).cause == "connection-lost"


class TestRun:
    def test_result(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        lines: list[str] = []
        done = transport(host).connect(host).run("echo out; echo err >&2; exit 7", lines.append, timeout=30)
        assert (done.exit_status, done.errors, lines) == (7, "err\n", ["out"])

    def test_lines_come_as_they_happen(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        times: list[float] = []
        program = "echo a; sleep 0.6; printf b; sleep 0.3; printf 'c\\n'; printf d"
        lines: list[str] = []

        def note(line: str) -> None:
            lines.append(line)
            times.append(time.monotonic())

        transport(host).connect(host).run(program, note, timeout=30)
        assert lines == ["a", "bc", "d"]
        assert times[1] - times[0] > 0.7

    def test_output_while_the_program_is_still_sent(self, transport: Open, sshd: Sshd, key: Path) -> None:
        """Both directions are full at once: more than a window of program, and more than a window of output first."""
        host = sshd.host("h", key=key)
        padding = "#" * 99 + "\n"
        program = "seq 600000\nseq 600000 >&2\n" + padding * 30_000 + "echo end\n"
        lines = output(transport(host), host, program)
        assert len(lines) == 600_001
        assert lines[-1] == "end"

    def test_many_errors(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        done = transport(host).connect(host).run("seq 1000000 >&2; echo last >&2", print, timeout=60)
        assert done.errors.endswith("1000000\nlast\n")
        assert len(done.errors) == 4096

    def test_large_output(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        assert (
            len(output(transport(host), host, "yes 0123456789012345678901234567890123456789 | head -n 1000000"))
            == 1_000_000
        )

    def test_one_long_line(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        (line,) = output(transport(host), host, "head -c 20000000 /dev/zero | tr '\\0' x")
        assert len(line) == 20_000_000

    def test_noise_of_a_login_shell(self, transport: Open, make_sshd: Callable[..., Sshd], key: Path) -> None:
        with user("mctl-noise", "pw", "USER ALL=(ALL) NOPASSWD: ALL") as name:
            Path(f"/home/{name}/.bashrc").write_text("echo noise; echo more noise >&2; seq 200000\n")
            server = make_sshd("one", options="Banner /etc/passwd\nPrintMotd yes")
            host = server.host("h", user=name, key=key, sudo=True)
            assert output(transport(host), host) == ["root"]

    def test_undecodable_output(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        assert output(transport(host), host, "printf '\\377\\n'") == ["\ufffd"]

    def test_several_runs_on_one_connection(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        connection = transport(host).connect(host)
        for number in range(20):
            lines: list[str] = []
            assert connection.run(f"echo {number}", lines.append, timeout=30).exit_status == 0
            assert lines == [str(number)]

    def test_daemon_that_keeps_the_output_open(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        before = time.monotonic()
        assert output(transport(host), host, "sleep 60 & echo started") == ["started"]
        assert time.monotonic() - before < 30

    def test_timeout(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        connection = transport(host).connect(host)
        before = time.monotonic()
        with pytest.raises(TransportError) as caught:
            connection.run("sleep 60; echo done", print, timeout=1)
        assert caught.value.cause == "timeout"
        assert time.monotonic() - before < 30
        assert connection.run("true", print, timeout=30).exit_status == 0, "the connection is still good"

    def test_failing_callback(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        connection = transport(host).connect(host)

        def fail(line: str) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            connection.run("echo x; sleep 30", fail, timeout=30)
        assert connection.run("true", print, timeout=30).exit_status == 0

    def test_killed_shell(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        with pytest.raises(TransportError) as caught:
            transport(host).connect(host).run("kill -9 $$", print, timeout=30)
        assert caught.value.cause == "shell"


class TestLoss:
    def test_sshd_killed(self, transport: Open, make_sshd: Callable[..., Sshd], key: Path) -> None:
        server = make_sshd("one")
        host = server.host("h", key=key)
        connection = transport(host).connect(host)
        threading.Timer(0.5, server.stop).start()
        before = time.monotonic()
        with pytest.raises(TransportError) as caught:
            connection.run("sleep 30", print, timeout=60)
        assert caught.value.cause == "connection-lost"
        assert time.monotonic() - before < 25
        with pytest.raises(TransportError) as caught:
            connection.run("true", print, timeout=60)
        assert caught.value.cause == "connection-lost"

    @pytest.mark.parametrize("program", ["sleep 30", "# padding\n" * 3_000_000], ids=["waiting", "sending"])
    def test_host_gone_silent(
        self,
        transport: Open,
        make_sshd: Callable[..., Sshd],
        key: Path,
        monkeypatch: pytest.MonkeyPatch,
        program: str,
    ) -> None:
        monkeypatch.setattr(session_module, "PING", 0.5)
        monkeypatch.setattr(session_module, "STALL", 2.0)
        monkeypatch.setattr("mesosctl.transport.wire.STALL", 2.0)
        server = make_sshd("one")
        host = server.host("h", key=key)
        connection = transport(host).connect(host)
        server.signal_sessions(signal.SIGSTOP)
        before = time.monotonic()
        try:
            with pytest.raises(TransportError) as caught:
                connection.run(program, print, timeout=60)
        finally:
            server.signal_sessions(signal.SIGCONT)
        assert caught.value.cause == "connection-lost"
        assert time.monotonic() - before < 50

    def test_silent_program_on_a_live_host(
        self, transport: Open, sshd: Sshd, key: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(session_module, "PING", 0.3)
        monkeypatch.setattr(session_module, "STALL", 1.5)
        host = sshd.host("h", key=key)
        assert output(transport(host), host, "sleep 4; echo done") == ["done"]


class TestPut:
    def test_large_file(self, transport: Open, sshd: Sshd, key: Path, tmp_path: Path) -> None:
        host = sshd.host("h", key=key)
        content = os.urandom(1 << 20) * 40
        target = tmp_path / "target"
        target.write_text("old")
        transport(host).connect(host).put(io.BytesIO(content), str(target), timeout=60)
        assert target.read_bytes() == content
        assert target.stat().st_mode & 0o777 == 0o600

    def test_impossible_path(self, transport: Open, sshd: Sshd, key: Path, tmp_path: Path) -> None:
        host = sshd.host("h", key=key)
        with pytest.raises(TransportError, match="could not be written") as caught:
            transport(host).connect(host).put(io.BytesIO(b"x" * 5_000_000), f"{tmp_path}/no/such", timeout=60)
        assert caught.value.cause == "shell"

    def test_full_disk(self, transport: Open, sshd: Sshd, key: Path, tmp_path: Path) -> None:
        (tmp_path / "small").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path / "small"], check=True)
        try:
            host = sshd.host("h", key=key)
            with pytest.raises(TransportError) as caught:
                transport(host).connect(host).put(io.BytesIO(b"x" * 3_000_000), f"{tmp_path}/small/f", timeout=60)
            assert caught.value.cause == "no-space"
            assert list((tmp_path / "small").iterdir()) == []
        finally:
            subprocess.run(["umount", tmp_path / "small"], check=True)

    def test_cut_off_transfer_leaves_the_old_file(
        self, transport: Open, make_sshd: Callable[..., Sshd], key: Path, tmp_path: Path
    ) -> None:
        server = make_sshd("one")
        host = server.host("h", key=key)
        target = tmp_path / "target"
        target.write_text("old")
        connection = transport(host).connect(host)

        class Cut(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if self.tell() > 1_000_000:
                    server.signal_sessions(signal.SIGKILL)
                return super().read(size)

        with pytest.raises(TransportError) as caught:
            connection.put(Cut(b"x" * 5_000_000), str(target), timeout=60)
        assert caught.value.cause == "connection-lost"
        time.sleep(0.5)
        assert target.read_text() == "old"
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("target")] == ["target"]


class TestInterrupt:
    def test_running_program(self, transport: Open, sshd: Sshd, key: Path) -> None:
        host = sshd.host("h", key=key)
        one = transport(host)
        connection = one.connect(host)
        assert_interrupted(one, lambda: connection.run("sleep 30", print, timeout=60))
        with pytest.raises(TransportError) as caught:
            one.connect(host)
        assert caught.value.cause == "interrupted"

    def test_dialling(self, transport: Open, key: Path) -> None:
        with full_socket() as port:
            host = Host(name="h", address="127.0.0.1", roles=frozenset(), ssh=ssh(port, key, timeout=30))
            one = transport(host)
            assert_interrupted(one, lambda: one.connect(host))

    def test_logging_in(self, transport: Open, key: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            host = Host(name="h", address="127.0.0.1", roles=frozenset(), ssh=ssh(port, key, timeout=30))
            one = transport(host)
            assert_interrupted(one, lambda: one.connect(host))


class TestMany:
    def test_a_hundred_hosts(self, transport: Open, sshd: Sshd, key: Path) -> None:
        with user("mctl-many", "pw") as name:
            Path(f"/home/{name}/.bashrc").unlink()  # a hundred shells at once need not be slower than they are
            hosts = [sshd.host(f"h{number}", user=name, key=key) for number in range(100)]
            one = transport(*hosts)
            with ThreadPoolExecutor(100) as pool:
                results = list(pool.map(lambda host: output(one, host, f"echo {host.name}", 120), hosts))
        assert results == [[host.name] for host in hosts]

    def test_idle_connections_cost_nothing(self, transport: Open, sshd: Sshd, key: Path) -> None:
        hosts = [sshd.host(f"h{number}", key=key) for number in range(50)]
        one = transport(*hosts)
        with ThreadPoolExecutor(16) as pool:
            connections = list(pool.map(one.connect, hosts))
        before = time.process_time()
        time.sleep(3)
        assert time.process_time() - before < 0.05
        assert len(connections) == 50


def assert_interrupted(transport: SshTransport, work: Callable[[], object]) -> None:
    caught: list[TransportError] = []

    def blocked() -> None:
        try:
            work()
        except TransportError as error:
            caught.append(error)

    thread = threading.Thread(target=blocked, daemon=True)
    thread.start()
    time.sleep(0.7)
    assert thread.is_alive()
    transport.interrupt()
    thread.join(2)
    assert [error.cause for error in caught] == ["interrupted"]


def ssh(port: int, key: Path, timeout: float = 1.0):  # type: ignore[no-untyped-def]
    from mesosctl.inventory.model import Ssh

    return Ssh(port=port, key=key, connect_timeout=timeout)


class full_socket:
    """A port whose backlog is full: connecting to it gets no answer."""

    def __enter__(self) -> int:
        self._server = socket.socket()
        self._server.bind(("127.0.0.1", 0))
        self._server.listen(0)
        address = self._server.getsockname()
        self._fillers = [socket.socket() for _ in range(4)]
        for filler in self._fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        time.sleep(0.1)
        port: int = address[1]
        return port

    def __exit__(self, *exception: object) -> None:
        for sock in [*self._fillers, self._server]:
            sock.close()


def fingerprint(server: Sshd) -> str:
    shown = subprocess.run(["ssh-keygen", "-l", "-f", server.key], check=True, capture_output=True, text=True)
    return shown.stdout.split()[1]
