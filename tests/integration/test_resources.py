"""Every kind of resource on a real host, as its program does it: set, set again, drift, take back, fail.

The programs run in both shells that `sh` is on the supported systems.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from mesosctl.engine.report import Status
from mesosctl.lab import Lab
from mesosctl.resources.program import APPLY, PLAN, Lock, Mode, compile_program
from mesosctl.resources.reader import Reader
from mesosctl.resources.types import (
    Account,
    Archive,
    Block,
    Command,
    Directory,
    File,
    Link,
    Packages,
    Resource,
    Restored,
    Retired,
    Service,
    Setting,
)

UNSET = Mode(write=True, unset=True)
NONCE = "f00dcafe"
AWKWARD = 'it\'s a "test" with $HOME `id` \\n %s \\\\ ~ * ü 日\n\ttab\n\nno newline at the end'


@dataclasses.dataclass(frozen=True)
class Box:
    """The host under test, and the shell that stands for sh."""

    lab: Lab
    shell: str

    def run(self, resources: Sequence[Resource], mode: Mode, **options: object) -> Reader:
        arguments = {"nonce": NONCE, "step_timeout": 300, **options}
        return self.program(compile_program(resources, mode, **arguments), resources, mode)  # type: ignore[arg-type]

    def program(self, text: str, resources: Sequence[Resource], mode: Mode) -> Reader:
        done = self.lab.exec("h1", [self.shell, "-s"], stdin=text.encode())
        reader = Reader(resources, NONCE, mask=str)
        for line in done.stdout.decode().splitlines():
            reader.line(line)
        assert reader.failed or reader.locked or reader.complete, done.stderr.decode()
        assert not done.stderr or reader.failed, done.stderr.decode()
        return reader

    def statuses(self, resources: Sequence[Resource], mode: Mode, **options: object) -> list[str]:
        reader = self.run(resources, mode, **options)
        assert reader.failed is None, reader.failed
        return [str(reader.results[index].status) for index in range(len(resources))]

    def sh(self, script: str) -> str:
        done = self.lab.exec("h1", ["sh", "-c", script])
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def snapshot(self, folder: str) -> str:
        return self.sh(
            f"cd {folder} && find . -printf '%y %m %u:%g %p %l\\n' | sort; find . -type f | sort | xargs -r sha256sum"
        )


@pytest.fixture(params=["dash", "bash"])
def box(request: pytest.FixtureRequest, plain_host: Lab) -> Box:
    box = Box(plain_host, request.param)
    box.sh("rm -rf /srv/t /var/lib/mesosctl /run/mesosctl.lock; mkdir /srv/t")
    return box


def example(base: str = "/srv/t") -> list[Resource]:
    return [
        Directory(path=f"{base}/conf", mode="0750", owner="daemon", group="daemon"),
        File(path=f"{base}/conf/new", content=AWKWARD, mode="0640", group="daemon"),
        File(path=f"{base}/there", content="ours\n", mode="0600"),
        File(path=f"{base}/deep/er/file", content="", mode="0644"),
        Block(path=f"{base}/shared", name="proxy", content="a = 'b'\n$c"),
        Block(path=f"{base}/fresh", name="proxy", content="only us"),
        Setting(path=f"{base}/setting", key="SELINUX", value="permissive"),
        Link(path=f"{base}/link", target=f"{base}/there"),
        Command(
            name="a marker",
            check=f"test -e {base}/marker",
            apply=f"touch {base}/marker",
            revert=f"rm {base}/marker",
        ),
    ]


def prepare(box: Box) -> str:
    box.sh(
        "cd /srv/t; printf 'theirs\\n' >there; chmod 0604 there; chown daemon there;"
        "printf 'first\\nlast' >shared; chmod 0664 shared; printf '# c\\nSELINUX = enforcing\\nSELINUX=x\\n' >setting"
    )
    return box.snapshot("/srv/t")


def test_set_again_and_take_back(box: Box) -> None:
    before = prepare(box)
    wanted = example()
    assert box.statuses(wanted, PLAN) == ["pending"] * len(wanted)
    assert box.snapshot("/srv/t") == before, "a dry run writes nothing"
    assert box.sh("ls /var/lib").count("mesosctl") == 0

    assert box.statuses(wanted, APPLY) == ["changed"] * len(wanted)
    assert box.statuses(wanted, APPLY) == ["ok"] * len(wanted)
    assert box.statuses(wanted, PLAN) == ["ok"] * len(wanted)
    assert box.sh("cat /srv/t/conf/new") == AWKWARD
    assert box.sh("stat -c '%a %U:%G' /srv/t/conf /srv/t/conf/new /srv/t/there /srv/t/shared").split("\n")[:4] == [
        "750 daemon:daemon",
        "640 root:daemon",
        "600 root:root",
        "664 root:root",
    ]
    assert box.sh("cat /srv/t/shared") == ("first\nlast\n# BEGIN mesosctl proxy\na = 'b'\n$c\n# END mesosctl proxy\n")
    assert box.sh("cat /srv/t/setting") == "# c\nSELINUX=permissive\nSELINUX=x\n"
    assert box.sh("find /srv/t -name '*mesosctl-new*'") == ""

    assert box.statuses(wanted, dataclasses.replace(UNSET, write=False)) == ["pending"] * len(wanted)
    # the folder went with its last file
    assert box.statuses(wanted, UNSET) == ["ok"] + ["changed"] * (len(wanted) - 1)
    assert box.snapshot("/srv/t") == before
    assert set(box.statuses(wanted, UNSET)) == {"ok"}


def test_drift_is_seen_with_a_diff_and_put_right(box: Box) -> None:
    prepare(box)
    wanted = example()
    box.run(wanted, APPLY)
    box.sh("cd /srv/t; echo hand >>there; chmod 0777 conf/new; sed -i s/only/ONLY/ fresh; rm link; ln -s /x link")
    plan = box.run(wanted, PLAN)
    pending = {plan.resources[i].id for i, result in plan.results.items() if result.status is Status.PENDING}
    assert pending == {"file /srv/t/there", "file /srv/t/conf/new", "block proxy in /srv/t/fresh", "link /srv/t/link"}
    assert plan.results[2].diff.splitlines()[2:] == ["@@ -1,2 +1 @@", " ours", "-hand"]
    assert "+only us" in plan.results[5].diff.splitlines()
    assert plan.results[1].message == "mode and owner 777 root:daemon become 640 root:daemon"
    assert box.statuses(wanted, APPLY).count("changed") == 4
    assert box.statuses(wanted, PLAN) == ["ok"] * len(wanted)


def test_foreign_lines_stay_when_a_block_changes_or_goes(box: Box) -> None:
    box.sh("printf 'one\\n' >/srv/t/shared")
    block = Block(path="/srv/t/shared", name="keys", content="ssh-ed25519 AAAA/+= me|you")
    box.run([block], APPLY)
    box.sh("echo two >>/srv/t/shared")
    box.run([dataclasses.replace(block, content="other")], APPLY)
    assert box.sh("cat /srv/t/shared") == "one\ntwo\n# BEGIN mesosctl keys\nother\n# END mesosctl keys\n"
    assert box.statuses([dataclasses.replace(block, content="")], APPLY) == ["changed"]
    assert box.sh("cat /srv/t/shared") == "one\ntwo\n"


def test_a_block_for_one_user_closes_the_file_until_it_goes(box: Box) -> None:
    box.sh("printf 'theirs\n' >/srv/t/shared; chmod 0664 /srv/t/shared")
    before = box.snapshot("/srv/t")
    block = Block(path="/srv/t/shared", name="proxy", content="secret", mode="0600")
    assert box.statuses([block], APPLY) == ["changed"]
    assert box.sh("stat -c %a /srv/t/shared") == "600\n"
    box.sh("chmod 0640 /srv/t/shared")
    assert box.run([block], PLAN).results[0].message == "mode 640"
    assert box.statuses([block], APPLY) == ["changed"]
    assert box.statuses([block], PLAN) == ["ok"]
    assert box.statuses([dataclasses.replace(block, content="")], APPLY) == ["changed"]
    assert box.snapshot("/srv/t") == before


def test_a_block_without_its_end_is_left_alone(box: Box) -> None:
    block = Block(path="/srv/t/shared", name="keys", content="x")
    box.run([block], APPLY)
    box.sh("sed -i '/END/d' /srv/t/shared; echo precious >>/srv/t/shared")
    reader = box.run([block], APPLY)
    assert reader.failed
    assert "by hand" in reader.failed.message
    assert "precious" in box.sh("cat /srv/t/shared")


def test_what_is_no_longer_wanted_is_restored(box: Box) -> None:
    prepare(box)
    box.run(example(), APPLY)
    gone = [Restored(path="/srv/t/there"), Restored(path="/srv/t/deep/er/file"), Restored(path="/srv/t/never")]
    assert box.statuses(gone, APPLY) == ["changed", "changed", "ok"]
    assert box.sh("cat /srv/t/there; stat -c %a /srv/t/there") == "theirs\n604\n"
    assert box.sh("ls /srv/t").count("deep") == 0


def test_a_symbolic_link_is_written_through(box: Box) -> None:
    box.sh("cd /srv/t; mkdir real; echo old >real/file; ln -s real/file alias")
    box.run([File(path="/srv/t/alias", content="new\n")], APPLY)
    assert box.sh("readlink /srv/t/alias; cat /srv/t/real/file") == "real/file\nnew\n"


def test_the_first_failure_ends_the_host_and_names_itself(box: Box) -> None:
    box.sh("mkdir -p /srv/t/folder")
    wanted = [
        File(path="/srv/t/a", content="a"),
        File(path="/srv/t/folder", content="not a file"),
        File(path="/srv/t/b", content="b"),
    ]
    reader = box.run(wanted, APPLY)
    assert reader.failed
    assert reader.failed.message == "/srv/t/folder is a directory"
    assert [result.resource for result in reader.skipped()] == ["file /srv/t/a", "file /srv/t/b"]
    assert box.sh("ls -A /srv/t") == "folder\n", "no temporary file is left"


def test_a_full_disk_leaves_the_old_file(box: Box) -> None:
    box.sh("mkdir /srv/t/small; mount -t tmpfs -o size=16k none /srv/t/small; echo old >/srv/t/small/file")
    try:
        reader = box.run([File(path="/srv/t/small/file", content="x" * 100_000)], APPLY)
        assert reader.failed
        assert "No space left on device" in reader.failed.message
        assert box.sh("cat /srv/t/small/file; ls -A /srv/t/small") == "old\nfile\n"
    finally:
        box.sh("umount /srv/t/small")


def test_a_cut_off_program_does_nothing(box: Box) -> None:
    text = compile_program([File(path="/srv/t/a", content="a")], APPLY, nonce=NONCE, step_timeout=5)
    done = box.lab.exec("h1", [box.shell, "-s"], stdin=text[: text.rindex("main </dev/null")].encode())
    assert done.stdout == b""
    assert box.sh("ls -A /srv/t") == ""


def test_archive(box: Box, tmp_path: Path) -> None:
    def tarball(version: str, prefix: str = "") -> Archive:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            info = tarfile.TarInfo(f"{prefix}zk-{version}/bin/run")
            info.size = len(version)
            tar.addfile(info, io.BytesIO(version.encode()))
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        box.sh("mkdir -p /var/lib/mesosctl/upload /var/lib/mesosctl/original /var/lib/mesosctl/dirty")
        box.lab.exec("h1", ["sh", "-c", f"cat >/var/lib/mesosctl/upload/{digest}"], stdin=buffer.getvalue())
        return Archive(source=tmp_path, sha256=digest, path="/srv/t/opt/zk", owner="daemon", group="daemon")

    first, second = tarball("1"), tarball("2", prefix="./")
    assert box.statuses([first], APPLY) == ["changed"]
    assert box.statuses([first], APPLY) == ["ok"]
    assert box.statuses([second], APPLY) == ["changed"]
    assert box.sh("cat /srv/t/opt/zk/bin/run; stat -c %U /srv/t/opt/zk/bin/run; ls /srv/t/opt") == "2daemon\nzk\n"
    box.sh(f"echo broken >/var/lib/mesosctl/upload/{first.sha256}")
    reader = box.run([first], APPLY)
    assert reader.failed
    assert "another SHA-256" in reader.failed.message
    assert box.statuses([second], UNSET) == ["changed"]
    assert box.sh("ls -A /srv/t") == ""


def test_account(box: Box) -> None:
    box.sh("userdel testzk 2>/dev/null || true")
    account = Account(name="testzk", home="/srv/t")
    assert box.statuses([account], PLAN) == ["pending"]
    assert box.statuses([account], APPLY) == ["changed"]
    assert box.statuses([account], APPLY) == ["ok"]
    assert box.sh("getent passwd testzk | cut -d: -f6,7; id -gn testzk") == "/srv/t:/usr/sbin/nologin\ntestzk\n"


UNIT = """[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh -c 'cp /srv/t/conf /srv/t/read; exec sleep 1000'
[Install]
WantedBy=multi-user.target
"""


def service_example(content: str) -> list[Resource]:
    return [
        File(path="/srv/t/conf", content=content, notify=("testd",)),
        File(path="/etc/systemd/system/testd.service", content=UNIT, notify=("testd",)),
        Service(name="testd", ready="test -e /srv/t/read", member="echo leader"),
    ]


def test_service_restarts_only_when_what_it_reads_changed(box: Box) -> None:
    def process() -> str:
        return box.sh("systemctl show -p MainPID --value testd")

    try:
        assert box.statuses(service_example("1"), PLAN) == ["pending"] * 3
        assert box.statuses(service_example("1"), APPLY) == ["changed"] * 3
        first = process()
        assert box.statuses(service_example("1"), APPLY) == ["ok"] * 3
        assert process() == first
        plan = box.run(service_example("2"), PLAN)
        assert plan.results[2].message == "restart"
        assert plan.members == {2: "leader"}
        # an interrupted run wrote the file and did not come to the service
        box.run(service_example("2")[:1], APPLY)
        assert box.statuses(service_example("2"), APPLY) == ["ok", "ok", "changed"]
        assert process() != first
        assert box.sh("cat /srv/t/read; systemctl is-enabled testd") == "2enabled\n"
        assert box.statuses(service_example("2"), UNSET) == ["changed"] * 3
        assert box.sh("systemctl is-active testd || true") == "inactive\n"
    finally:
        box.sh("systemctl stop testd 2>/dev/null; rm -f /etc/systemd/system/testd.service; systemctl daemon-reload")


def test_a_service_that_is_started_by_others_is_only_enabled(box: Box) -> None:
    unit = File(path="/etc/systemd/system/testd.service", content=UNIT, notify=("testd",))
    service = Service(name="testd", start=False, ready="false")
    look = "systemctl is-active testd; systemctl is-enabled testd; true"
    try:
        assert box.statuses([unit, service], PLAN) == ["pending", "pending"]
        assert box.statuses([unit, service], APPLY) == ["changed", "changed"]
        assert box.sh(look) == "inactive\nenabled\n"
        assert box.statuses([unit, service], APPLY) == ["ok", "ok"]
        box.sh("systemctl start testd")
        assert box.statuses([unit, service], APPLY) == ["ok", "ok"], "one that runs is not waited for"
        assert box.statuses([unit, service], UNSET) == ["changed", "changed"]
        assert "inactive" in box.sh(look)
    finally:
        box.sh("systemctl stop testd 2>/dev/null; rm -f /etc/systemd/system/testd.service; systemctl daemon-reload")


def test_a_service_that_is_no_longer_wanted(box: Box) -> None:
    unit = File(path="/etc/systemd/system/testd.service", content=UNIT)
    gone: list[Resource] = [Retired(name="testd", manager="systemd"), Restored(path=unit.path)]
    look = "systemctl is-active testd; systemctl is-enabled testd; true"
    try:
        assert box.statuses(gone, APPLY) == ["ok", "ok"]
        box.sh(f"cat >{unit.path} <<'E'\n{UNIT}\nE\nsystemctl daemon-reload; systemctl start testd")
        assert box.statuses(gone, APPLY) == ["ok", "ok"], "one of somebody else's is left alone"
        box.sh("systemctl stop testd; rm " + unit.path)
        box.run([unit, Service(name="testd", start=False)], APPLY)
        box.sh("systemctl start testd")
        plan = box.run(gone, PLAN)
        assert [result.message for result in plan.results.values()] == ["stop and disable", "remove"]
        assert box.statuses(gone, APPLY) == ["changed", "changed"]
        assert box.sh(look).startswith("inactive\n")
        assert "enabled" not in box.sh(look)
        assert box.statuses(gone, APPLY) == ["ok", "ok"]
    finally:
        box.sh("systemctl stop testd 2>/dev/null; rm -f /etc/systemd/system/testd.service; systemctl daemon-reload")


def test_what_was_not_ready_before_a_restart_must_only_stay_up(box: Box) -> None:
    unit = File(path="/etc/systemd/system/testd.service", content=UNIT, notify=("testd",))
    ending = UNIT.replace("exec sleep", "exit 7;").replace("[Service]", "[Service]\nRestart=always\nRestartSec=1")
    service = Service(name="testd", start=False, ready="false", ready_timeout=600)
    try:
        box.run([dataclasses.replace(unit, content=UNIT + "# before\n"), service], APPLY)
        box.sh("systemctl start testd")
        assert box.statuses([unit, service], APPLY) == ["changed", "changed"]
        reader = box.run([dataclasses.replace(unit, content=ending), service], APPLY)
        assert reader.failed
        assert "it ends each time it is started" in reader.failed.message
        assert box.run([service], PLAN).results[0].message == "restart", "it is meant to run, and still has to be"
        assert box.statuses([unit, service], UNSET) == ["changed", "changed"]
        assert box.sh("systemctl is-active testd || true") == "inactive\n"
    finally:
        box.sh("systemctl stop testd 2>/dev/null; rm -f /etc/systemd/system/testd.service; systemctl daemon-reload")


def test_service_that_keeps_ending_is_given_up(box: Box) -> None:
    text = UNIT.replace("exec sleep", "echo bad-luck; exit 7;").replace("[Service]", "[Service]\nRestart=always")
    wanted = [
        File(path="/etc/systemd/system/testd.service", content=text),
        Service(name="testd", ready="false", ready_timeout=600),
    ]
    try:
        reader = box.run(wanted, APPLY)
        assert reader.failed
        assert "it ends each time it is started" in reader.failed.message
        assert "\nbad-luck" in reader.failed.message, "what it said last"
    finally:
        box.sh("systemctl stop testd 2>/dev/null; rm -f /etc/systemd/system/testd.service; systemctl daemon-reload")


def test_service_that_does_not_come_up_says_why(box: Box) -> None:
    wanted = [
        File(path="/etc/systemd/system/testd.service", content=UNIT.replace("exec sleep", "echo bad-luck; exit 7;")),
        Service(name="testd", ready="false", ready_timeout=1),
    ]
    try:
        reader = box.run(wanted, APPLY)
        assert reader.failed
        assert "not ready within 1 seconds" in reader.failed.message
        assert "bad-luck" in reader.failed.message
    finally:
        box.sh("systemctl stop testd 2>/dev/null; rm -f /etc/systemd/system/testd.service; systemctl daemon-reload")


def test_a_service_that_only_reads_is_never_started(box: Box) -> None:
    absent = Service(name="nothere", only_if_installed=True)
    assert box.statuses([absent], APPLY) == ["skipped"]
    assert box.statuses([absent], PLAN, dirty=frozenset({"nothere"})) == ["skipped"]


def test_packages(box: Box) -> None:
    box.sh("apt-get -y -q remove hello >/dev/null 2>&1 || true")
    package = Packages(names=("hello", "sed"), manager="apt")
    assert box.statuses([package], PLAN) == ["pending"]
    assert box.statuses([package], APPLY) == ["changed"]
    assert box.statuses([package], APPLY) == ["ok"]
    assert box.sh("hello") == "Hello, world!\n"
    version = box.sh("dpkg-query -W -f '${Version}' hello")
    assert box.statuses([Packages(names=(f"hello={version}",), manager="apt")], PLAN) == ["ok"]
    assert box.statuses([Packages(names=("hello=0.1-1",), manager="apt")], PLAN) == ["pending"]
    assert box.statuses([package], UNSET) == ["changed"]
    assert box.sh("dpkg -s sed | grep Status") == "Status: install ok installed\n", "was there before"
    reader = box.run([Packages(names=("no-such-package-at-all",), manager="apt")], APPLY)
    assert reader.failed
    assert "Unable to locate package" in reader.failed.message


def test_the_lock_of_a_host(box: Box) -> None:
    def lock(run: str, controller: str, seconds: int = 60) -> Reader:
        taken = Lock(run=run, controller=controller, seconds=seconds, owner="anna@c1")
        return box.run([File(path="/srv/t/a", content=run)], APPLY, lock=taken)

    assert not lock("run1", "c1").locked
    assert not lock("run1", "c1").locked, "renewed"
    other = lock("run2", "c2")
    assert "locked by anna@c1 (run run1)" in other.locked
    assert box.sh("cat /srv/t/a") == "run1"
    assert not lock("run3", "c1").locked, "left by a killed run of the same controller"
    assert not lock("run4", "c1", seconds=-1).locked
    assert not lock("run5", "c2").locked, "expired"
    taken = Lock(run="run5", controller="c2", seconds=60, owner="bob@c2")
    box.run([], APPLY, lock=taken, unlock=True)
    assert box.sh("ls /run/mesosctl.lock 2>/dev/null || echo none") == "none\n"


def test_a_setting_that_changed_twice_goes_back_to_what_it_was(box: Box) -> None:
    before = prepare(box)
    for value in ("permissive", "disabled"):
        setting = Setting(path="/srv/t/setting", key="SELINUX", value=value)
        assert box.statuses([setting], APPLY) == ["changed"]
    assert box.statuses([setting], UNSET) == ["changed"]
    assert box.snapshot("/srv/t") == before
