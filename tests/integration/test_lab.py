"""Real labs on this machine's Docker engine: hosts that behave like hosts, and nothing left of them afterwards."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from mesosctl import lab
from mesosctl.errors import RefusedError, UsageError
from mesosctl.inventory.load import load_inventory
from mesosctl.lab import ImageKind, Lab, lifecycle
from mesosctl.lab.docker import Docker
from mesosctl.lab.image import discard, ensure_nginx
from mesosctl.lab.lifecycle import LABEL
from mesosctl.lab.state import locked

pytestmark = pytest.mark.lab

OWN_NAME = f"t{os.getpid()}"


@pytest.fixture(scope="module")
def three(make_lab: Callable[[str, int, ImageKind], Lab]) -> Lab:
    """A lab of three baked hosts for all tests that leave it as it was."""
    return make_lab("three", 3, ImageKind.BAKED)


@pytest.fixture
def whole(three: Lab) -> Iterator[Lab]:
    """The same lab, with network and power restored afterwards."""
    yield three
    three.heal()
    three.start(*(host.name for host in three.hosts))


def sh(made: Lab, host: str, script: str) -> str:
    """What a script prints on a host; it must succeed."""
    done = made.exec(host, ["sh", "-c", script])
    assert done.returncode == 0, done
    return done.stdout.decode().strip()


def ssh(made: Lab, host: str, *command: str, user: str = "root") -> subprocess.CompletedProcess[str]:
    line = made.ssh_command(host, *command, user=user)
    return subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def reaches(made: Lab, source: str, target: str) -> bool:
    """Whether a host gets an answer from another's sshd."""
    address = made.host(target).address
    probe = ["timeout", "1", "bash", "-c", f"read -r line </dev/tcp/{address}/22 && [[ $line == SSH-* ]]"]
    return made.exec(source, probe).returncode == 0


def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def labelled(docker: Docker, name: str) -> list[str]:
    """Everything of the engine that carries the label of a lab."""
    commands = (["ps", "--all"], ["volume", "ls"], ["network", "ls"])
    return [
        row for what in commands for row in docker.run(*what, "-q", "--filter", f"label={LABEL}={name}").splitlines()
    ]


def test_inventory_loads_and_its_pinned_keys_are_the_hosts(three: Lab, tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(three.inventory_text())
    cluster = load_inventory(path)
    assert [(host.name, host.address) for host in cluster.hosts] == [(host.name, host.address) for host in three.hosts]
    for host in cluster.hosts:
        for pinned in host.host_keys:
            kind = pinned.split()[0]
            transport = paramiko.Transport((host.address, 22))
            transport.get_security_options().key_types = (kind,)
            transport.start_client(timeout=10)
            served = transport.get_remote_server_key()
            transport.close()
            assert f"{served.get_name()} {served.get_base64()}" == pinned


def test_ssh_verifies_the_host(three: Lab) -> None:
    assert ssh(three, "h2", "hostname").stdout == "h2\n"
    assert ssh(three, "h2", "exit", "7").returncode == 7
    known = three.state.known_hosts.read_text()
    three.state.known_hosts.write_text(known.replace(three.host("h2").address, "192.0.2.1"))
    try:
        assert "Host key verification failed" in ssh(three, "h2", "true").stderr
    finally:
        three.state.known_hosts.write_text(known)


def test_users(three: Lab) -> None:
    assert ssh(three, "h1", "sudo -n id -un", user="ops").stdout == "root\n"
    assert "password is required" in ssh(three, "h1", "sudo -n id -un", user="opw").stderr
    assert ssh(three, "h1", "echo opw-lab | sudo -S id -un", user="opw").stdout == "root\n"
    assert ssh(three, "h1", "echo wrong | sudo -S id -un", user="opw").returncode != 0


@pytest.mark.parametrize("user", ["ops", "opw"])
def test_password_logins(three: Lab, user: str) -> None:
    transport = paramiko.Transport((three.host("h1").address, 22))
    transport.start_client(timeout=10)
    with pytest.raises(paramiko.AuthenticationException):
        transport.auth_password(user, "wrong")
    transport.auth_password(user, f"{user}-lab")
    transport.close()


def test_hosts_share_no_identity(three: Lab) -> None:
    for file in ("/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ecdsa_key"):
        assert len({sh(three, host.name, f"cat {file}") for host in three.hosts}) == 3, file


def test_host_is_an_ordinary_server(three: Lab) -> None:
    assert sh(three, "h1", "cat /proc/1/comm") == "systemd"
    assert sh(three, "h1", "systemctl is-system-running --wait") == "running"
    assert sh(three, "h1", "systemctl list-units --failed --no-legend") == ""
    # Files that Docker keeps to itself in a container can be replaced.
    for file in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf"):
        sh(three, "h1", f"cp -p {file} {file}.new && mv {file}.new {file}")


def test_docker_engine_runs_inside(three: Lab) -> None:
    sh(three, "h1", "systemctl start docker")
    assert sh(three, "h1", "docker info --format '{{.Driver}}'") == "overlay2"
    sh(three, "h1", "tar -chC / bin/true $(ldd /bin/true | grep -o '/[^ ]*') | docker import - t")
    sh(three, "h1", "docker run --rm --memory 64m t /bin/true && docker rmi t")


def test_images_are_loaded_into_the_hosts_engines(three: Lab) -> None:
    with locked("labs", lambda: None):
        tag = ensure_nginx(three.docker, lambda text: None)
    sh(three, "h2", "systemctl start docker")
    assert [host.name for host in lab.load(three, tag, ["h2"])] == ["h2"]
    assert sh(three, "h2", f"docker run --rm --network none {tag} nginx -t 2>&1").endswith("test is successful")
    assert sh(three, "h1", f"docker images -q {tag}") == ""
    with pytest.raises(UsageError, match="has no image no-such"):
        lab.load(three, "no-such")


def test_names_come_from_the_hosts_file_only(three: Lab) -> None:
    assert three.exec("h1", ["getent", "hosts", "h2"]).returncode != 0


def test_packages_can_be_installed(three: Lab) -> None:
    sh(three, "h3", "apt-get update && apt-get install --yes --no-install-recommends tree && tree --version")


def test_power_cut_and_power_on(whole: Lab) -> None:
    sh(whole, "h2", "echo kept >/root/file && sync; touch /run/lost")
    before = sh(whole, "h2", "cat /etc/machine-id /etc/ssh/*.pub /root/.ssh/authorized_keys")
    whole.stop("h2")
    assert not reaches(whole, "h1", "h2")
    assert [host.running for host in lab.find(whole.name).hosts] == [True, False, True]
    whole.stop("h2")

    whole.start("h2")
    assert ssh(whole, "h2", "cat /root/file; ls /run/lost").stdout == "kept\n"
    assert sh(whole, "h2", "cat /etc/machine-id /etc/ssh/*.pub /root/.ssh/authorized_keys") == before
    whole.start("h2")


def test_reboot_comes_back(whole: Lab) -> None:
    started = sh(whole, "h3", "stat -c %Y /proc/1")
    ssh(whole, "h3", "systemctl reboot")
    eventually(lambda: whole.exec("h3", ["stat", "-c", "%Y", "/proc/1"]).stdout.decode().strip() not in {"", started})
    eventually(lambda: ssh(whole, "h3", "true").returncode == 0)


def test_partition_cuts_both_ways_and_only_these(whole: Lab) -> None:
    assert reaches(whole, "h1", "h2")
    whole.partition(["h1"], ["h2"])
    whole.partition(["h1"], ["h2"])
    assert not reaches(whole, "h1", "h2")
    assert not reaches(whole, "h2", "h1")
    assert reaches(whole, "h1", "h3")
    assert reaches(whole, "h3", "h2")
    assert ssh(whole, "h1", "true").returncode == 0, "the controller is not cut off"

    whole.partition(["h3"], ["h1", "h2"])
    assert not reaches(whole, "h2", "h1"), "the first cut stays"
    assert not reaches(whole, "h3", "h2")
    assert whole.cuts() == {"h1": ["h2", "h3"], "h2": ["h1", "h3"], "h3": ["h1", "h2"]}

    whole.heal()
    whole.heal()
    assert all(reaches(whole, a, b) for a in ("h1", "h2", "h3") for b in ("h1", "h2", "h3"))


def test_partition_outlives_power_cuts(whole: Lab) -> None:
    whole.stop("h2")
    whole.partition(["h1"], ["h2"])
    whole.start("h2")
    assert not reaches(whole, "h2", "h1")
    whole.stop("h2")
    whole.heal()
    whole.start("h2")
    assert reaches(whole, "h2", "h1")


def test_partition_of_a_host_from_itself(three: Lab) -> None:
    with pytest.raises(UsageError):
        three.partition(["h1", "h2"], ["h2"])


def test_up_again(whole: Lab) -> None:
    again = lab.up(whole.name, 3, ImageKind.BAKED)
    assert again.inventory_text() == whole.inventory_text()
    with pytest.raises(RefusedError, match="3 baked hosts"):
        lab.up(whole.name, 2, ImageKind.BAKED)
    with pytest.raises(RefusedError, match="3 baked hosts"):
        lab.up(whole.name, 3, ImageKind.PLAIN)
    whole.stop("h3")
    with pytest.raises(RefusedError, match=f"lab start --name {whole.name} h3"):
        lab.up(whole.name, 3, ImageKind.BAKED)


def test_unknown_names(three: Lab) -> None:
    with pytest.raises(UsageError, match="h1, h2, h3"):
        three.stop("h4")
    with pytest.raises(UsageError, match="there is no lab nowhere"):
        lab.find("nowhere")


def test_down_removes_its_own_and_only_that(three: Lab) -> None:
    name = f"{OWN_NAME}-down"
    made = lab.up(name, 1, ImageKind.PLAIN)
    addresses = {host.address.rpartition(".")[0] for host in (*three.hosts, *made.hosts)}
    assert len(addresses) == 2, "each lab has a network of its own"
    others = labelled(three.docker, three.name)

    assert lab.down(name)

    assert labelled(made.docker, name) == []
    assert not made.state.directory.exists()
    assert labelled(three.docker, three.name) == others
    assert ssh(three, "h1", "true").returncode == 0
    assert not lab.down(name)


def test_down_cleans_up_after_a_crash(three: Lab) -> None:
    name = f"{OWN_NAME}-crash"
    with subprocess.Popen(
        [sys.executable, "-m", "mesosctl", "lab", "up", "--hosts", "3", "--name", name],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as crashing:
        eventually(lambda: bool(labelled(three.docker, name)))
        os.killpg(crashing.pid, signal.SIGKILL)
    try:
        assert name in {one.name for one in lab.labs()}
        with pytest.raises(RefusedError, match="not finished"):
            lab.up(name, 3)
    finally:
        assert lab.down(name)
    assert labelled(three.docker, name) == []
    assert name not in {one.name for one in lab.labs()}


def test_remains_of_a_killed_build_go_without_what_is_mounted_in_them(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "build"
    outside.mkdir()
    (outside / "precious").touch()
    (folder / "root/mounted").mkdir(parents=True)
    subprocess.run(["mount", "--bind", outside, folder / "root/mounted"], check=True)
    discard(folder)
    assert not folder.exists()
    assert (outside / "precious").exists()


def test_more_hosts_than_the_kernel_carries_are_refused(three: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "host_limit", lambda: 4)
    with pytest.raises(RefusedError, match="max_user_instances"):
        lab.up(f"{OWN_NAME}-more", 2, ImageKind.BAKED)
    assert labelled(three.docker, f"{OWN_NAME}-more") == []


def test_commands(three: Lab, tmp_path: Path) -> None:
    """The command line over the same: what it prints, where, and how it ends."""

    def mesosctl(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mesosctl", "lab", *words],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )

    named = ("--name", three.name)
    file = tmp_path / "inventory.yaml"
    assert mesosctl("up", "--hosts", "3", *named).stdout == three.inventory_text()
    assert mesosctl("up", "--hosts", "3", *named, "--inventory", str(file)).returncode == 0
    assert file.read_text() == three.inventory_text()
    assert re.search(rf"^{three.name} +h2 +\S+ +baked +on$", mesosctl("list").stdout, re.MULTILINE)

    ran = mesosctl("ssh", *named, "ops@h2", "sh", "-c", "'id -un; exit 5'")
    assert (ran.stdout, ran.returncode) == ("ops\n", 5)

    assert mesosctl("partition", *named, "h1", "h2,h3").returncode == 0
    assert re.search(r"h1 .* on, cut from h2, h3$", mesosctl("list").stdout, re.MULTILINE)
    assert mesosctl("heal", *named).returncode == 0
    assert mesosctl("stop", *named, "h3").returncode == 0
    assert re.search(rf"^{three.name} +h3 .* off$", mesosctl("list").stdout, re.MULTILINE)
    assert mesosctl("start", *named, "h3").returncode == 0
    assert mesosctl("stop", *named, "h9").returncode == 64
