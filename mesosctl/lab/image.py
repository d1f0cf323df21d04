"""Builds the two images that lab hosts start from, and one of nginx to run on them; each is kept until its recipe
changes.

`plain` is a minimal Debian server, made with debootstrap. `baked` is plain with the packages that a bootstrap
installs already in it, so that a bootstrap of five hosts takes seconds. nginx is Debian's, and little else: it stands
for the image that a registry would have. A tag is the hash of everything that goes in.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from mesosctl.errors import MesosctlError, RefusedError
from mesosctl.lab.debian import RELEASE, PackageSource, package_source
from mesosctl.lab.docker import Docker, DockerError
from mesosctl.lab.state import MACHINE_STATE, Progress

REPOSITORY = "mesosctl-lab"
NGINX = "mesosctl-lab-nginx"
BUILD_LOG = MACHINE_STATE / "build.log"
LOCAL_CERTIFICATES = Path("/usr/local/share/ca-certificates")

SERVER_PACKAGES = [
    "systemd",
    "systemd-sysv",
    "libpam-systemd",
    "dbus",
    "openssh-server",
    "sudo",
    "python3",
    "iproute2",
    "iptables",
    "procps",
    "iputils-ping",
    "netbase",
    "kmod",
    "ca-certificates",
    "cron",
    "curl",
    "less",
    "logrotate",
    "wget",
]
BAKED_PACKAGES = ["docker.io", "default-jre-headless", "libzookeeper-java", "socat", "git", "maven"]


class ImageKind(StrEnum):
    PLAIN = "plain"
    BAKED = "baked"


class BuildError(MesosctlError):
    """An image that could not be built."""


def ensure(docker: Docker, kind: ImageKind, progress: Progress) -> str:
    """The name of the image of that kind, built first where it is missing or its recipe has changed.

    The caller holds the lock `labs`, so that two builds do not collide. Raises BuildError, DockerError, and
    RefusedError where debootstrap is missing.
    """
    source = package_source()
    names = tags(source)
    if _exists(docker, names[kind]):
        return names[kind]
    BUILD_LOG.unlink(missing_ok=True)
    if not _exists(docker, names[ImageKind.PLAIN]):
        _build_plain(docker, names[ImageKind.PLAIN], source, progress)
    if kind is ImageKind.BAKED:
        _build_baked(docker, names[ImageKind.PLAIN], names[kind], progress)
    _remove_outdated(docker, REPOSITORY, set(names.values()))
    return names[kind]


def tags(source: PackageSource) -> dict[ImageKind, str]:
    """The names of the images that the present recipe makes from a package source."""
    plain = f"{REPOSITORY}:plain-{_plain_recipe(source)}"
    baked = f"{REPOSITORY}:baked-{_hash(plain, _dockerfile(plain))}"
    return {ImageKind.PLAIN: plain, ImageKind.BAKED: baked}


def ensure_nginx(docker: Docker, progress: Progress) -> str:
    """The name of the image of nginx, built first where it is missing. The caller holds the lock `labs`.

    Raises BuildError, DockerError, and RefusedError where debootstrap is missing.
    """
    source = package_source()
    plain = tags(source)[ImageKind.PLAIN]
    recipe = _file("nginx.dockerfile").decode().replace("PLAIN", plain)
    tag = f"{NGINX}:{_hash(recipe)}"
    if not _exists(docker, tag):
        if not _exists(docker, plain):
            _build_plain(docker, plain, source, progress)
        progress("building the image of nginx (once)")
        _build(docker, tag, recipe, progress)
        _remove_outdated(docker, NGINX, {tag})
    return tag


def _plain_recipe(source: PackageSource) -> str:
    files = [_file(name) for name in ("setup.sh", "init.sh", "cuts.sh")]
    certificates = [path.read_bytes() for path in _local_certificates()]
    return _hash(RELEASE, source.sources_list, source.settings, *SERVER_PACKAGES, *files, *certificates)


def _dockerfile(plain: str) -> str:
    install = f"apt-get install --yes --no-install-recommends {' '.join(BAKED_PACKAGES)}"
    return (
        f"FROM {plain}\n"
        f"RUN apt-get update && DEBIAN_FRONTEND=noninteractive {install} "
        "&& apt-get clean && rm -rf /var/lib/apt/lists/*\n"
    )


def _file(name: str) -> bytes:
    return resources.files("mesosctl.lab").joinpath("files", name).read_bytes()


def _hash(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()[:12]


def _local_certificates() -> list[Path]:
    return sorted(LOCAL_CERTIFICATES.glob("**/*.crt"))


def _exists(docker: Docker, tag: str) -> bool:
    return bool(docker.run("images", "--quiet", tag))


def _build_plain(docker: Docker, tag: str, source: PackageSource, progress: Progress) -> None:
    debootstrap = shutil.which("debootstrap")
    if not debootstrap:
        raise RefusedError("building the lab's image needs debootstrap", fix="apt-get install docker.io debootstrap")
    progress("building the plain image (once; takes a minute or two)")
    for leftover in MACHINE_STATE.glob("build-*"):
        discard(leftover)
    folder = Path(tempfile.mkdtemp(dir=MACHINE_STATE, prefix="build-"))
    try:
        root, archive = folder / "root", folder / "root.tar"
        include = f"--include={','.join(SERVER_PACKAGES)}"
        proxy = {"http_proxy": source.proxy} if source.proxy else {}
        phases = {
            "I: Retrieving": "downloading packages",
            "I: Extracting": "unpacking the base system",
            "I: Unpacking": "installing packages",
            "I: Configuring": "configuring packages",
        }
        _step(
            [debootstrap, "--variant=minbase", include, RELEASE, str(root), source.archive],
            phases=phases,
            progress=progress,
            environment={**os.environ, **proxy},
        )
        progress("making it a lab host")
        _place_files(root, source)
        _step(["chroot", str(root), "sh", "/setup.sh"])
        (root / "setup.sh").unlink()
        progress("importing the image")
        _step(["tar", "--create", "--numeric-owner", "--directory", str(root), "--file", str(archive), "."])
        _step(docker.command("import", "--change", 'CMD ["/usr/local/sbin/lab-init"]', str(archive), tag))
    finally:
        discard(folder)


def discard(folder: Path) -> None:
    """Remove the folder of a build. A debootstrap that was killed leaves file systems mounted in it, /proc for one."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in reversed(mounts):
        if Path(mount).is_relative_to(folder):
            subprocess.run(["umount", "--lazy", mount], check=True)
    shutil.rmtree(folder)


def _place_files(root: Path, source: PackageSource) -> None:
    """Writes into the new root file system what setup.sh does not make itself."""
    files = {
        "setup.sh": _file("setup.sh"),
        "usr/local/sbin/lab-init": _file("init.sh"),
        "usr/local/sbin/lab-cuts": _file("cuts.sh"),
        "etc/apt/sources.list": source.sources_list.encode(),
        "etc/apt/apt.conf.d/90lab": source.settings.encode(),
    }
    for certificate in _local_certificates():
        files[f"usr/local/share/ca-certificates/{certificate.name}"] = certificate.read_bytes()
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _build_baked(docker: Docker, plain: str, tag: str, progress: Progress) -> None:
    progress(f"building the baked image (once; takes minutes): {' '.join(BAKED_PACKAGES)}")
    _build(docker, tag, _dockerfile(plain), progress)


def _build(docker: Docker, tag: str, dockerfile: str, progress: Progress) -> None:
    phases = {
        "Get:": "downloading packages",
        "Unpacking": "installing packages",
        "Setting up": "configuring packages",
        "Successfully built": "the image is ready",
    }
    # The classic builder needs no plug-in, and the host's network no bridge.
    command = docker.command("build", "--network", "host", "--force-rm", "--tag", tag, "-")
    _step(
        command,
        phases=phases,
        progress=progress,
        environment={**os.environ, "DOCKER_BUILDKIT": "0"},
        stdin=dockerfile.encode(),
    )


def _step(
    command: list[str],
    *,
    phases: Mapping[str, str] = MappingProxyType({}),
    progress: Progress = lambda text: None,
    environment: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> None:
    """Run a command of the build; all it says goes to the log.

    Each phase, known by how its lines begin, is told once. Raises BuildError with the last line said.
    """
    awaited = dict(phases)
    last = ""
    with BUILD_LOG.open("ab") as log, tempfile.TemporaryFile() as source:
        log.write(f"$ {' '.join(command)}\n".encode())
        source.write(stdin)
        source.seek(0)
        with subprocess.Popen(
            command, env=environment, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout is not None
            for raw in process.stdout:
                log.write(raw)
                line = raw.decode(errors="replace").strip()
                last = line or last
                for start in [start for start in awaited if line.startswith(start)]:
                    progress(awaited.pop(start))
    if process.returncode:
        raise BuildError(
            f"the lab's image could not be built: {last}",
            where=Path(command[0]).name,
            fix=f"the log is {BUILD_LOG}",
        )


def _remove_outdated(docker: Docker, repository: str, current: set[str]) -> None:
    """Removes our images of earlier recipes; those that a lab still uses stay until the next build."""
    for tag in docker.run("images", "--format", "{{.Repository}}:{{.Tag}}", repository).splitlines():
        if tag not in current:
            with suppress(DockerError):
                docker.run("rmi", tag)
