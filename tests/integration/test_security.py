"""A real master and agent that speak TLS only and ask everybody who they are: by a framework, by operators."""

from __future__ import annotations

import asyncio
import datetime
import getpass
import http.client
import ipaddress
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import HttpCredentials, expect

from mesosctl.inventory.model import Cluster, Host, Mesos, MesosAgent, MesosMaster, Role
from mesosctl.runtime.framework.errors import FrameworkError
from mesosctl.runtime.framework.scheduler import Scheduler
from mesosctl.runtime.http.authentication import basic_header
from mesosctl.runtime.http.server import serve
from mesosctl.runtime.protocol.basics import Credential, ExecutorID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.protocol.scheduler import Event
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskGroupInfo, TaskInfo, TaskState
from mesosctl.runtime.tls import client, executor_variables, tls
from mesosctl.tasks import mesos_service
from tests.integration.browser import chromium
from tests.integration.programs import Programs

WAIT_SECONDS = 60.0
SECRET = "s3cr3t-of-"
ALIVE = (TaskState.TASK_STAGING, TaskState.TASK_STARTING, TaskState.TASK_RUNNING)
PRINCIPALS = ("agent", "app", "ops", "guest")


class Authority:
    """Certificates of an authority of the test's own, as PEM files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.file = folder / "ca.pem"
        self._write(
            self.file, self._certificate(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        )

    def certificate(self, name: str, *addresses: str) -> tuple[Path, Path]:
        """The files of a certificate for these names and addresses, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = [x509.DNSName(name), *(x509.IPAddress(ipaddress.ip_address(each)) for each in addresses)]
        made = self._certificate(subject, key, x509.SubjectAlternativeName(names))
        files = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        self._write(files[0], made)
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, path: Path, certificate: x509.Certificate) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


class Secure(Programs):
    """Programs whose API is reached by HTTPS only, by operators who say who they are."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        authority = Authority(folder)
        cert, key = authority.certificate("localhost", "127.0.0.1")
        self.variables = {
            "LIBPROCESS_SSL_ENABLED": "true",
            "LIBPROCESS_SSL_CERT_FILE": str(cert),
            "LIBPROCESS_SSL_KEY_FILE": str(key),
            "LIBPROCESS_SSL_CA_FILE": str(authority.file),
            "LIBPROCESS_SSL_VERIFY_SERVER_CERT": "true",
            "LIBPROCESS_SSL_VERIFY_IPADD": "true",
        }
        found = client(self.variables)
        assert found
        self.tls = found.context
        self.credentials = self._file(
            "credentials", {"credentials": [{"principal": each, "secret": SECRET + each} for each in PRINCIPALS]}
        )

    def start(self, acls: dict[str, Any]) -> None:
        readable = ("--authenticate_http_readonly", "--authenticate_http_readwrite")
        self.start_master(
            f"--credentials=file://{self.credentials}",
            "--authenticate_agents",
            "--authenticate_http_frameworks",
            "--http_framework_authenticators=basic",
            f"--acls=file://{self._file('acls', acls)}",
            *readable,
        )
        key = self.folder / "jwt.key"
        key.write_text("0123456789abcdef0123456789abcdef")
        key.chmod(0o600)
        self.start_agent(
            f"--credential={self._file('credential', {'principal': 'agent', 'secret': SECRET + 'agent'})}",
            f"--http_credentials={self.credentials}",
            f"--jwt_secret_key={key}",
            "--authenticate_http_executors",
            *readable,
        )

    def get(self, path: str) -> bytes | None:
        status, _, body = self.ask(self.master_port, path, "ops")
        return body if status == 200 else None

    def ask(self, port: int, path: str, principal: str | None) -> tuple[int, str | None, bytes]:
        """Status, challenge and body."""
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=self.tls)
        try:
            connection.request("GET", path, headers=headers(principal))
            answer = connection.getresponse()
            return answer.status, answer.headers["WWW-Authenticate"], answer.read()
        except OSError:
            return 0, None, b""
        finally:
            connection.close()

    def _file(self, name: str, content: object) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(content))
        path.chmod(0o600)
        return path


def headers(principal: str | None) -> dict[str, str]:
    if principal is None:
        return {}
    return {"Authorization": basic_header(Credential(principal=principal, secret=SECRET + principal))}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secure]:
    programs = Secure(tmp_path)
    for name, value in programs.variables.items():
        monkeypatch.setenv(name, value)
    yield programs
    programs.stop()


ACLS = {
    "register_frameworks": [
        {"principals": {"values": ["app"]}, "roles": {"values": ["apps"]}},
        {"principals": {"type": "ANY"}, "roles": {"type": "NONE"}},
    ],
    "view_flags": [
        {"principals": {"values": ["ops"]}, "flags": {"type": "ANY"}},
        {"principals": {"type": "ANY"}, "flags": {"type": "NONE"}},
    ],
    "access_sandboxes": [
        {"principals": {"values": ["ops"]}, "users": {"type": "ANY"}},
        {"principals": {"type": "ANY"}, "users": {"type": "NONE"}},
    ],
}


def resources(**amounts: float) -> tuple[Resource, ...]:
    return tuple(
        Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(amount)) for name, amount in amounts.items()
    )


def task(name: str, offer: Offer) -> TaskInfo:
    """Says which secrets its environment has."""
    return TaskInfo(
        name=name,
        task_id=TaskID(name),
        agent_id=offer.agent_id,
        resources=resources(cpus=0.1, mem=32),
        command=CommandInfo(value="echo secrets: $(env | grep -e TOKEN -e eyJ)"),
    )


def operations(offer: Offer) -> list[Offer.Operation]:
    """One task by itself, one in a pod."""
    launch = Offer.Operation.Launch((task("alone", offer),))
    executor = ExecutorInfo(
        executor_id=ExecutorID("pod"),
        type=ExecutorInfo.Type.DEFAULT,
        resources=resources(cpus=0.1, mem=32, disk=32),
    )
    group = Offer.Operation.LaunchGroup(executor, TaskGroupInfo((task("member", offer),)))
    return [
        Offer.Operation(type=Offer.Operation.Type.LAUNCH, launch=launch),
        Offer.Operation(type=Offer.Operation.Type.LAUNCH_GROUP, launch_group=group),
    ]


def scheduler(programs: Secure, role: str = "apps", secret: str = SECRET + "app") -> Scheduler:
    info = FrameworkInfo(
        user=getpass.getuser(),
        name="secure",
        roles=(role,),
        capabilities=(FrameworkInfo.Capability(FrameworkInfo.Capability.Type.MULTI_ROLE),),
    )
    credential = Credential(principal="app", secret=secret)
    return Scheduler(f"127.0.0.1:{programs.master_port}", info, credential=credential, tls=programs.tls)


async def run_tasks(programs: Secure) -> dict[str, TaskState]:
    """How they ended."""
    ended: dict[str, TaskState] = {}
    async with asyncio.timeout(WAIT_SECONDS), scheduler(programs) as connection:
        async for event in connection:
            match event:
                case Event.Offers(offers=(offer,)):
                    await connection.operate([offer], operations(offer), refuse_seconds=1000)
                case Event.Update(status=status) if status.state not in ALIVE:
                    ended[status.task_id.value] = status.state
            if len(ended) == 2:
                return ended
    raise AssertionError("the events ended")


async def refused(connection: Scheduler) -> Exception:
    try:
        async with asyncio.timeout(WAIT_SECONDS), connection:
            async for _ in connection:
                pass
    except FrameworkError as error:
        return error
    raise AssertionError("the events ended")


def test_everybody_says_who_they_are_and_nobody_listens(programs: Secure) -> None:
    programs.start(ACLS)
    assert asyncio.run(run_tasks(programs)) == {"alone": TaskState.TASK_FINISHED, "member": TaskState.TASK_FINISHED}
    outputs = [path.read_text() for path in (programs.folder / "agent").glob("slaves/**/stdout") if path.is_file()]
    assert [text for text in outputs if "secrets:\n" in text]
    assert not [text for text in outputs if "eyJ" in text], "no task has its executor's token"

    wrong = asyncio.run(refused(scheduler(programs, secret="guessed")))
    assert "401" in str(wrong)
    assert "guessed" not in str(wrong)
    forbidden = asyncio.run(refused(scheduler(programs, role="other")))
    assert "Not authorized to use roles '{ other }'" in str(forbidden)

    for port, program in ((programs.master_port, "master"), (programs.agent_port, "agent")):
        challenge = f'Basic realm="mesos-{program}-readonly"'
        assert programs.ask(port, "/health", None)[0] == 200
        assert programs.ask(port, "/state", None) == (401, challenge, b"401 Unauthorized.")
        assert programs.ask(port, "/state", "guest")[0] == 200
        assert programs.ask(port, "/flags", "guest")[0] == (403 if program == "master" else 200)
        status, _, flags = programs.ask(port, "/flags", "ops")
        assert status == 200
        assert SECRET.encode() not in flags
        plain = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        plain.request("GET", "/health")
        with pytest.raises((OSError, http.client.HTTPException)):
            plain.getresponse()
        plain.close()

    agent_id = json.loads(programs.get("/slaves") or b"")["slaves"][0]["id"]
    through = f"/page/agents/{agent_id}/state"
    assert programs.ask(programs.master_port, through, "ops")[0] == 200
    assert programs.ask(programs.master_port, through, None)[0] == 401
    logs = "".join(path.read_text() for path in programs.folder.glob("*.log"))
    assert SECRET not in logs
    assert "not verified" not in logs


def test_the_page_works_for_one_who_answers_the_browser_s_question(programs: Secure) -> None:
    """Through the master, which reaches the agent by TLS, with the credential that the browser was given."""
    programs.start(ACLS)
    with chromium() as browser:
        answer: HttpCredentials = {"username": "ops", "password": f"{SECRET}ops"}
        page = browser.new_page(ignore_https_errors=True, http_credentials=answer)
        page.goto(f"https://127.0.0.1:{programs.master_port}/")
        page.get_by_role("navigation").get_by_role("link", name="Agents").click()
        page.locator("tbody a").click()
        expect(page.locator("dl.facts")).to_be_visible()


@pytest.mark.parametrize("form", ["json", "text"])
def test_mesosctl_asks_such_programs_how_they_are(programs: Secure, form: str) -> None:
    """By commands that run on their hosts, as `status` and `start-cluster` do."""
    programs.start(ACLS)
    file = programs.credentials
    if form == "text":
        file = programs.folder / "lines"
        file.write_text(f"ops {SECRET}ops\nguest {SECRET}guest\n")
    both = {"authenticate_http_readonly": "true", "LIBPROCESS_SSL_ENABLED": "true"}
    mesos = Mesos(
        master=MesosMaster(port=programs.master_port, flags={**both, "credentials": f"file://{file}"}),
        agent=MesosAgent(port=programs.agent_port, flags={**both, "http_credentials": str(file)}),
    )
    host = Host(name="h", address="127.0.0.1", roles=frozenset({Role.MASTER, Role.AGENT}))
    cluster = Cluster(name="c", hosts=(host,), path=Path("i"), state_dir=Path("s"), mesos=mesos)

    def answer(command: str) -> str:
        assert SECRET not in command
        return subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=WAIT_SECONDS).stdout

    assert '"slave/registered":1' in answer(mesos_service.agent_metrics(cluster, host))
    assert '"master/slaves_active":1' in answer(mesos_service.master_metrics(cluster, host))
    assert answer(mesos_service.standing(cluster, host)).strip() in ("leader", "follower")
    assert mesos_service.master_address(cluster, host) == f"https://127.0.0.1:{programs.master_port}"


def test_an_agent_without_credential_or_trust_is_not_admitted(programs: Secure, tmp_path: Path) -> None:
    programs.start_master(f"--credentials={programs.credentials}", "--authenticate_agents")
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    attempts = {
        "401: 401 Unauthorized.": {},
        "certificate verify failed": {"LIBPROCESS_SSL_CA_FILE": str(Authority(stranger).file)},
    }
    for reason, variables in attempts.items():
        log = tmp_path / "refused"
        command = [sys.executable, "-m", "mesosctl.runtime.agent", "--ip=127.0.0.1", f"--port={programs.agent_port}"]
        command += [f"--master=127.0.0.1:{programs.master_port}", f"--work_dir={tmp_path / 'work'}"]
        command += ["--registration_backoff_factor=10ms"]
        with log.open("wb") as output:
            agent = subprocess.Popen(command, stderr=output, env={**os.environ, **variables})
            try:
                programs.wait(lambda log=log, reason=reason: reason in log.read_text())
            finally:
                agent.terminate()
                agent.wait(WAIT_SECONDS)
    assert json.loads(programs.get("/slaves") or b"")["slaves"] == []


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"KEY_FILE": ""}, "LIBPROCESS_SSL_ENABLED needs LIBPROCESS_SSL_KEY_FILE"),
        ({"KEY_FILE": "/nowhere"}, "Cannot load LIBPROCESS_SSL_CERT_FILE"),
        ({"CA_FILE": "/nowhere"}, "Cannot load LIBPROCESS_SSL_CA_FILE or CA_DIR /nowhere"),
        ({"SUPPORT_DOWNGRADE": "true"}, "LIBPROCESS_SSL_SUPPORT_DOWNGRADE is not supported"),
        ({"ENABLE_TLS_V1_0": "1"}, "LIBPROCESS_SSL_ENABLE_TLS_V1_0 is not supported"),
        ({"ENABLE_TLS_V1_2": "0", "ENABLE_TLS_V1_3": "0"}, "both off"),
        ({"CIPHERS": "NOTHING-LIKE-IT"}, "LIBPROCESS_SSL_CIPHERS names none"),
        ({"VERIFY_CERT": "maybe"}, "LIBPROCESS_SSL_VERIFY_CERT is neither true nor false: maybe"),
    ],
)
def test_what_is_wrong_with_tls(tmp_path: Path, variables: dict[str, str], problem: str) -> None:
    given = {**Secure(tmp_path).variables, **{f"LIBPROCESS_SSL_{name}": value for name, value in variables.items()}}
    with pytest.raises(ValueError, match=problem):
        tls(given)


def test_clients_without_a_certificate_where_one_is_required(tmp_path: Path) -> None:
    """And executors get the agent's then; else they get what it takes to verify the agent, and nothing more."""
    variables = Secure(tmp_path).variables
    found = executor_variables(variables)
    assert "LIBPROCESS_SSL_KEY_FILE" not in found
    assert found["LIBPROCESS_SSL_CA_FILE"] == variables["LIBPROCESS_SSL_CA_FILE"]
    strict = {**variables, "LIBPROCESS_SSL_REQUIRE_CLIENT_CERT": "true"}
    assert executor_variables(strict)["LIBPROCESS_SSL_KEY_FILE"] == variables["LIBPROCESS_SSL_KEY_FILE"]

    async def scenario() -> tuple[bool, bool]:
        secure, nameless, named = tls(strict), client(found), client(strict)
        assert secure
        assert nameless
        assert named
        runner = await serve(web.Application(), "127.0.0.1", 0, secure.server)
        url = f"https://127.0.0.1:{runner.addresses[0][1]}/"
        answered = []
        for context in (nameless.context, named.context):
            async with aiohttp.ClientSession() as session:
                try:
                    async with session.get(url, ssl=context) as answer:
                        answered.append(answer.status == 404)
                except aiohttp.ClientError:
                    answered.append(False)
        await runner.cleanup()
        return answered[0], answered[1]

    assert asyncio.run(scenario()) == (False, True)
