"""Making, finding and removing labs.

A lab's containers, volumes and network carry the label `mesosctl.lab=NAME`: by that a lab is found again, also after a
crash half-way, and only what carries it is ever removed. Nothing here prints; `progress` is told what happens.
"""

from __future__ import annotations

import ipaddress
import re

from mesosctl.errors import RefusedError, UsageError
from mesosctl.lab.docker import Docker, DockerError
from mesosctl.lab.engine import OWN, engine, running_engine, stop_own_engine
from mesosctl.lab.hosts import Lab, LabHost, each, wait_for_ssh
from mesosctl.lab.image import ImageKind, ensure
from mesosctl.lab.inventory import inventory_text
from mesosctl.lab.machine import CAP_SYS_RESOURCE, MAX_INOTIFY, has_capability, host_limit, resolv_conf, routes
from mesosctl.lab.state import Progress, lab_state, locked

LABEL = "mesosctl.lab"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")
MAX_HOSTS = 100
FIRST_ADDRESS = 11
"""Last part of h1's address; what is below is left to the engine and to tests."""
NETWORKS = ipaddress.IPv4Network("172.30.0.0/16")
"""Each lab gets a free /24 of it."""


def labs() -> list[Lab]:
    """All labs on this machine, whole or not. Raises RefusedError where there can be none."""
    docker = running_engine()
    return [_lab(docker, name) for name in _names(docker)] if docker else []


def find(name: str) -> Lab:
    """The lab of that name. Raises UsageError when there is none, RefusedError where there can be none."""
    docker = running_engine()
    names = _names(docker) if docker else []
    if not docker or name not in names:
        others = f"there are: {', '.join(names)}" if names else "make one with: mesosctl lab up"
        raise UsageError(f"there is no lab {name}", fix=others)
    return _lab(docker, name)


def up(
    name: str = "lab",
    hosts: int = 5,
    image: ImageKind = ImageKind.BAKED,
    progress: Progress = lambda text: None,
) -> Lab:
    """Make a lab and wait until all its hosts answer over SSH; or return the lab of that name when all of it runs.

    Raises RefusedError (this machine cannot host a lab; the lab exists in another shape), UsageError, BuildError,
    LabError (a host does not come up), DockerError.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a lab", fix="use lower-case letters, digits and -, at most 20")
    if not 1 <= hosts <= MAX_HOSTS:
        raise UsageError(f"a lab has 1 to {MAX_HOSTS} hosts, not {hosts}")
    with locked("labs", lambda: progress("waiting for another lab to come up")):
        docker = engine(progress)
        if name in _names(docker):
            return _existing(_lab(docker, name), hosts, image)
        try:
            return _create(docker, name, hosts, image, progress)
        except BaseException:
            if docker == OWN and not _names(docker):
                stop_own_engine()
            raise


def down(name: str) -> bool:
    """Remove a lab, whole or not; whether there was any. Our own engine is stopped with the last lab."""
    docker = running_engine()
    found = docker is not None and name in _names(docker)
    if docker:
        mine = f"label={LABEL}={name}"
        if containers := docker.run("ps", "--all", "--quiet", "--filter", mine).split():
            docker.run("rm", "--force", "--volumes", *containers)
        if volumes := docker.run("volume", "ls", "--quiet", "--filter", mine).split():
            docker.run("volume", "rm", "--force", *volumes)
        if networks := docker.run("network", "ls", "--quiet", "--filter", mine).split():
            docker.run("network", "rm", *networks)
        if docker == OWN:
            with locked("labs", lambda: None):
                if not _names(docker):
                    stop_own_engine()
    lab_state(name).remove()
    return found


def _create(docker: Docker, name: str, count: int, kind: ImageKind, progress: Progress) -> Lab:
    others = len(docker.run("ps", "--quiet", "--filter", f"label={LABEL}").splitlines())
    if others + count > host_limit():
        raise RefusedError(
            f"the kernel's {MAX_INOTIFY} allows {host_limit()} lab hosts, and {others} run already",
            fix="sysctl -w fs.inotify.max_user_instances=1024 allows more",
        )
    tag = ensure(docker, kind, progress)
    progress(f"starting {count} host{'s' if count > 1 else ''}")
    state = lab_state(name)
    state.remove()
    public_key = state.public_key()
    network = _create_network(docker, name)
    base = network.network_address + FIRST_ADDRESS
    hosts = [
        LabHost(
            name=f"h{number + 1}", address=str(base + number), container=f"mesosctl-{name}-h{number + 1}", running=True
        )
        for number in range(count)
    ]
    each(hosts, lambda host: _run_host(docker, name, host, kind, tag, public_key))
    progress("waiting for ssh")
    each(hosts, lambda host: wait_for_ssh(docker, host))
    host_keys = {}
    for host in hosts:
        read = ["sh", "-c", "cut -d ' ' -f 1,2 /etc/ssh/ssh_host_*_key.pub"]
        host_keys[host.name] = docker.run("exec", host.container, *read).splitlines()
    known = [f"{host.name},{host.address} {key}\n" for host in hosts for key in host_keys[host.name]]
    state.write(state.known_hosts, "".join(known))
    addresses = {host.name: host.address for host in hosts}
    state.write(state.inventory, inventory_text(name, addresses, host_keys, state.key))
    return Lab(name=name, image=kind, hosts=tuple(hosts), docker=docker, state=state)


def _run_host(docker: Docker, lab: str, host: LabHost, kind: ImageKind, tag: str, public_key: str) -> None:
    """Starts the container of a host: all capabilities that there are, own control groups, a volume for its Docker."""
    labels = {LABEL: lab, f"{LABEL}.host": host.name, f"{LABEL}.address": host.address, f"{LABEL}.image": kind}
    volume = f"type=volume,source={host.container},target=/var/lib/docker,volume-label={LABEL}={lab}"
    docker.run(
        "run",
        "--detach",
        f"--name={host.container}",
        f"--hostname={host.name}",
        *(f"--label={key}={value}" for key, value in labels.items()),
        f"--network={_network(lab)}",
        f"--ip={host.address}",
        "--restart=unless-stopped",
        "--stop-signal=SIGRTMIN+3",
        "--cap-add=ALL",
        *([] if has_capability(CAP_SYS_RESOURCE) else ["--cap-drop=SYS_RESOURCE"]),
        "--security-opt=seccomp=unconfined",
        "--security-opt=apparmor=unconfined",
        "--cgroupns=private",
        "--tmpfs=/run",
        "--tmpfs=/run/lock",
        "--tmpfs=/tmp:exec",
        f"--mount={volume}",
        "--env=container=docker",
        f"--env=LAB_AUTHORIZED_KEY={public_key} mesosctl-lab-{lab}",
        f"--env=LAB_RESOLV_CONF={resolv_conf()}",
        tag,
    )


def _existing(lab: Lab, count: int, kind: ImageKind) -> Lab:
    """The lab that is there, if it is the one that was asked for and all of it runs. Raises RefusedError."""
    remove = f"remove it with: mesosctl lab down --name {lab.name}"
    if not lab.state.inventory.exists():
        raise RefusedError(f"the lab {lab.name} was begun and not finished", fix=remove)
    if len(lab.hosts) != count or lab.image != kind:
        what = f"the lab {lab.name} exists, with {len(lab.hosts)} {lab.image} hosts"
        raise RefusedError(what, fix=f"give the new one another --name, or {remove}")
    if off := [host.name for host in lab.hosts if not host.running]:
        start = f"switch them on with: mesosctl lab start --name {lab.name} {' '.join(off)}"
        raise RefusedError(f"the lab {lab.name} exists, and {', '.join(off)} of it are off", fix=start)
    return lab


def _lab(docker: Docker, name: str) -> Lab:
    form = "\t".join(
        ["{{.Names}}", "{{.State}}", *(f'{{{{.Label "{LABEL}.{key}"}}}}' for key in ("host", "address", "image"))]
    )
    rows = docker.run("ps", "--all", "--filter", f"label={LABEL}={name}", "--format", form).splitlines()
    hosts, images = [], []
    for container, status, host, address, image in (row.split("\t") for row in rows):
        hosts.append(LabHost(name=host, address=address, container=container, running=status == "running"))
        images.append(image)
    hosts.sort(key=lambda host: int(host.name[1:]))
    return Lab(name=name, image=images[0] if images else "", hosts=tuple(hosts), docker=docker, state=lab_state(name))


def _names(docker: Docker) -> list[str]:
    """The names of all labs that anything is left of."""
    found: set[str] = set()
    for command in (["ps", "--all"], ["volume", "ls"], ["network", "ls"]):
        form = f'{{{{.Label "{LABEL}"}}}}'
        found.update(docker.run(*command, "--filter", f"label={LABEL}", "--format", form).split())
    return sorted(found)


def _network(lab: str) -> str:
    return f"mesosctl-{lab}"


def _create_network(docker: Docker, lab: str) -> ipaddress.IPv4Network:
    """Makes the lab's network on the first subnet that neither this machine nor the engine uses."""
    used = routes()
    for subnet in NETWORKS.subnets(new_prefix=24):
        if any(subnet.overlaps(route) for route in used):
            continue
        try:
            docker.run("network", "create", f"--subnet={subnet}", f"--label={LABEL}={lab}", _network(lab))
        except DockerError as error:
            if "overlap" not in error.what:
                raise
            continue
        return subnet
    raise RefusedError(f"no free network is left in {NETWORKS}", fix="remove a lab: mesosctl lab list")
