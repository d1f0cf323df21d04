"""A host of the RHEL family, as far as can be without its packages: Red Hat's code paths on a Debian userland.

dnf, rpm, their databases, keys and repositories are real, and so is what the rpms carry; kernel, libraries and base
system are Debian's. `rhel_image/` makes the image and the rpms.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mesosctl.lab import ImageKind, Lab, lifecycle
from mesosctl.lab.docker import Docker, DockerError
from mesosctl.lab.image import ensure
from mesosctl.lab.state import Progress
from tests.cluster.proxy_site import Site
from tests.conftest import temporary_lab

IMAGE = "mesosctl-lab-rhel"
RECIPE = Path(__file__).parent / "rhel_image"
RPMS = "/srv/rpms"
"""Where the image has repositories and keys that a site can serve."""


@contextmanager
def rhel_lab(name: str, hosts: int) -> Iterator[Lab]:
    """A lab of such hosts, as long as the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lifecycle, "ensure", _ensure)
        with temporary_lab(name, hosts, ImageKind.PLAIN) as lab:
            yield lab


def serve(lab: Lab, site: Site, key: str = "docker") -> None:
    """Put the repositories into a site: `rocky/` the distribution's, `docker/linux/centos/9` Docker's, which says that
    its rpms are signed with `key` (`docker`, or the wrong one, `stranger`)."""
    if not (site.folder / "rpms").exists():
        lab.docker.run("cp", f"{lab.hosts[0].container}:{RPMS}", str(site.folder / "rpms"))
        site.serve("rocky", "rpms/rocky")
        stable = site.folder / "docker/linux/centos/9/x86_64/stable"
        stable.parent.mkdir(parents=True)
        stable.symlink_to(site.folder / "rpms/docker")
    (site.folder / "docker/linux/centos/gpg").write_bytes((site.folder / "rpms/keys" / key).read_bytes())


def _ensure(docker: Docker, kind: ImageKind, progress: Progress) -> str:
    """In place of `mesosctl.lab.image.ensure`, and under its lock: the image's name, built where it is missing."""
    plain, baked = (ensure(docker, kind, progress) for kind in (ImageKind.PLAIN, ImageKind.BAKED))
    files = [path.read_bytes() for path in sorted(RECIPE.iterdir())]
    digest = hashlib.sha256(b"\0".join([plain.encode(), baked.encode(), *files])).hexdigest()
    tag = f"{IMAGE}:{digest[:12]}"
    known = docker.run("images", "--format", "{{.Repository}}:{{.Tag}}", IMAGE).splitlines()
    if tag in known:
        return tag
    images = [f"--build-arg=PLAIN={plain}", f"--build-arg=BAKED={baked}"]
    build = docker.command("build", "--network=host", "--force-rm", *images, f"--tag={tag}", str(RECIPE))
    done = subprocess.run(
        build, env={**os.environ, "DOCKER_BUILDKIT": "0"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    for old in known:
        with suppress(DockerError):
            docker.run("rmi", old)
    return tag
