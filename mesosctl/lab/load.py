"""Brings images to the Docker engines of a lab's hosts, which reach no registry."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from mesosctl.errors import UsageError
from mesosctl.lab.docker import Docker, DockerError
from mesosctl.lab.hosts import Lab, LabError, LabHost, each
from mesosctl.lab.image import ensure_nginx
from mesosctl.lab.state import Progress, locked

NGINX = "nginx"
"""The image of the guide's app. Where this machine has none of that name, it is made of Debian's nginx."""


def load(lab: Lab, image: str, names: Sequence[str] = (), progress: Progress = lambda text: None) -> list[LabHost]:
    """Load an image of this machine's engine into those of hosts: of the named ones, else of all whose engine runs.

    Returns the hosts that have it now. Raises UsageError for an image or a host that is not there, LabError where no
    host has an engine, DockerError.
    """
    hosts = [lab.host(name) for name in names] or [host for host in lab.hosts if _has_engine(lab, host)]
    if not hosts:
        raise LabError(
            "no host runs a Docker engine", where=f"lab {lab.name}", fix="bootstrap the lab first, or name the hosts"
        )
    source = _source(lab.docker, image, progress)
    progress(f"loading {image} on {', '.join(host.name for host in hosts)}")
    each(hosts, lambda host: _load(lab, source, image, host))
    return hosts


def _has_engine(lab: Lab, host: LabHost) -> bool:
    return host.running and lab.exec(host.name, ["docker", "info"]).returncode == 0


def _source(docker: Docker, image: str, progress: Progress) -> str:
    """The name that the image has on this machine."""
    if docker.run("images", "--quiet", image):
        return image
    if image != NGINX:
        raise UsageError(
            f"this machine's Docker engine has no image {image}", fix="docker pull or docker build it first"
        )
    with locked("labs", lambda: progress("waiting for another lab")):
        return ensure_nginx(docker, progress)


def _load(lab: Lab, source: str, image: str, host: LabHost) -> None:
    """Through a pipe: an image may be large."""
    receive = lab.docker.command("exec", "--interactive", host.container, "docker", "load", "--quiet")
    with (
        subprocess.Popen(lab.docker.command("save", source), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as save,
        subprocess.Popen(receive, stdin=save.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as load,
    ):
        if save.stdout:
            save.stdout.close()
        said = load.communicate()[1].decode(errors="replace").strip()
    if save.returncode or load.returncode:
        raise DockerError(said or "could not be saved", where=f"image {image} on {host.name}")
    if source != image:
        lab.docker.run("exec", host.container, "docker", "tag", source, image)
