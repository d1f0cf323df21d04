"""Makes what the Vagrantfile starts machines from, where nothing can be downloaded. Run as root:

    python3 vagrant/build.py docker     the image of the provider docker
    python3 vagrant/build.py libvirt    a box for the provider libvirt, from the same file system

Both have what a bootstrap installs already in them, like the hosts of `mesosctl lab`, whose image they are made of. The
box has one disk of 10 GB with an ext4 file system; GRUB starts it from the gap before the first partition.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO

from mesosctl.errors import MesosctlError, RefusedError
from mesosctl.lab import ImageKind
from mesosctl.lab.docker import Docker
from mesosctl.lab.image import ensure
from mesosctl.lab.state import locked

FILES = Path(__file__).parent / "image"
BOX = Path(__file__).parents[1] / "build" / "mesosctl-vagrant.box"
IMAGE = "mesosctl-vagrant"
MACHINE = f"{IMAGE}-machine"
GRUB = Path("/usr/lib/grub/i386-pc")
GIGABYTES = 10
SECTOR = 512
FIRST_SECTOR = 2048
"""Of the partition; what is before it belongs to the boot loader."""
BOOT_CODE = 440
"""Bytes of the first sector before the partition table."""
TIMEOUT = 1800.0
"""Seconds for a step; packages come from a mirror."""
PROGRAMS = {"mke2fs": "e2fsprogs", "sfdisk": "fdisk", "grub-mkimage": "grub-common", "qemu-img": "qemu-utils"}
"""What building a box needs, and which package has it."""


def docker_image(docker: Docker) -> None:
    """Make the image of the provider docker in the engine that Vagrant talks to."""
    if not docker.answers():
        raise RefusedError("no Docker engine answers", fix="install docker.io, start it, and run this as root")
    with locked("labs", lambda: tell("waiting for a lab to come up")):
        base = ensure(docker, ImageKind.BAKED, tell)
        build(docker, "docker", IMAGE, base)
    tell(f"the image {IMAGE} is ready; next: vagrant up --provider=docker")


def libvirt_box(docker: Docker) -> None:
    """Make the box of the provider libvirt."""
    check_programs()
    docker_image(docker)
    tell("installing a kernel")
    build(docker, "libvirt", MACHINE, IMAGE)
    BOX.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BOX.parent) as name:
        folder = Path(name)
        unpack(docker, folder / "root")
        tell("making the disk")
        disk(folder)
        pack(folder)
    tell(f"{BOX} is ready; next: vagrant box add --force --name {IMAGE} {BOX}")


def check_programs() -> None:
    """Raises RefusedError that names all packages which are missing."""
    missing = {package for program, package in PROGRAMS.items() if not shutil.which(program)}
    if not GRUB.is_dir():
        missing.add("grub-pc-bin")
    if missing:
        raise RefusedError("building a box needs more programs", fix=f"apt-get install {' '.join(sorted(missing))}")


def build(docker: Docker, provider: str, tag: str, base: str) -> None:
    """Build an image from the Dockerfile of a provider on another image. What was built before is not built again."""
    # The classic builder needs no plug-in, and the host's network no bridge.
    os.environ["DOCKER_BUILDKIT"] = "0"
    docker.run(
        "build",
        "--network=host",
        f"--file={FILES / f'{provider}.dockerfile'}",
        f"--build-arg=BASE={base}",
        f"--tag={tag}",
        str(FILES),
        timeout=TIMEOUT,
    )


def unpack(docker: Docker, root: Path) -> None:
    """Write the machine's file system into a new folder."""
    root.mkdir()
    container = docker.run("create", MACHINE)
    try:
        command = docker.command("export", container)
        with subprocess.Popen(command, stdout=subprocess.PIPE) as export:
            step(
                "tar", "--extract", "--numeric-owner", "--same-permissions", f"--directory={root}", stdin=export.stdout
            )
    finally:
        docker.run("rm", container)
    # Docker has these of its own in every container, and so they are empty in the image.
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (root / "etc/hostname").write_text("debian\n")
    (root / ".dockerenv").unlink(missing_ok=True)


def disk(folder: Path) -> None:
    """Make the disk `box.img` in a folder from the file system `root` there."""
    raw, core = folder / "disk.raw", folder / "core.img"
    with raw.open("wb") as file:
        file.truncate(GIGABYTES * 1024**3)
    step("sfdisk", "--quiet", str(raw), text=f"label: dos\nstart={FIRST_SECTOR}, type=83, bootable\n")
    offset = FIRST_SECTOR * SECTOR
    blocks = (GIGABYTES * 1024**3 - offset) // 4096
    # Features that GRUB 2.06 cannot read are left out.
    extended = f"-Eoffset={offset},lazy_itable_init=1"
    left_out = "-O^metadata_csum_seed,^orphan_file"
    step(
        "mke2fs", "-q", "-text4", "-b4096", "-Lroot", left_out, extended, f"-d{folder / 'root'}", str(raw), str(blocks)
    )
    modules = ["biosdisk", "part_msdos", "ext2", "normal", "linux", "boot"]
    step("grub-mkimage", "--format=i386-pc", "--prefix=(hd0,msdos1)/boot/grub", f"--output={core}", *modules)
    with raw.open("r+b") as file:
        file.write((GRUB / "boot.img").read_bytes()[:BOOT_CODE])
        file.seek(SECTOR)
        file.write(core.read_bytes())
    step("qemu-img", "convert", "-c", "-fraw", "-Oqcow2", str(raw), str(folder / "box.img"))


def pack(folder: Path) -> None:
    """Put the box together as vagrant-libvirt wants it, whole or not at all."""
    (folder / "metadata.json").write_text(
        json.dumps({"provider": "libvirt", "format": "qcow2", "virtual_size": GIGABYTES})
    )
    (folder / "Vagrantfile").write_text('Vagrant.configure("2") { |config| }\n')
    with tarfile.open(folder / "box", "w") as box:
        for name in ("metadata.json", "Vagrantfile", "box.img"):
            box.add(folder / name, name)
    (folder / "box").replace(BOX)


def step(*command: str, text: str | None = None, stdin: IO[bytes] | None = None) -> None:
    """Run a program. Raises MesosctlError with what it said."""
    done = subprocess.run(
        command,
        stdin=stdin,
        input=text.encode() if text else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT,
    )
    if done.returncode:
        raise MesosctlError(done.stdout.decode(errors="replace").strip() or "failed", where=command[0])


def tell(text: str) -> None:
    print(f"vagrant: {text}", flush=True)


def main(arguments: list[str]) -> int:
    kinds = {"docker": docker_image, "libvirt": libvirt_box}
    if len(arguments) != 1 or arguments[0] not in kinds:
        print(__doc__, file=sys.stderr)
        return 64
    try:
        kinds[arguments[0]](Docker())
    except MesosctlError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
