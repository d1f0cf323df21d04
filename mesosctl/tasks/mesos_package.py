"""The guide's /usr/local/sbin and /usr/local/marathon: Mesos' programs, from the bundled runtime, a tarball, or
packages, and Marathon's where the release has one.

Releases are unpacked beside each other below /opt/mesos; `current` leads to the one in use, and the prefix has links to
what is in it. So a new release is in place with one rename, and a process that runs keeps the files it was started
from. The release before the current one is kept: going back to it sends nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from mesosctl.engine.facts import Facts
from mesosctl.inventory.distribution import Bundle, MesosPackages, MesosTarball
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Archive, Command, File, Link, Packages, Resource, Restored
from mesosctl.tasks.mesos import programs_of
from mesosctl.tasks.mesos_python import platform_of, python_of, runs_mesos
from mesosctl.tasks.proxy_url import environment
from mesosctl.tasks.zookeeper_package import archive_file
from mesosctl.templates import render
from mesosctl.templates.filters import sh

TITLE = "Mesos' programs"

HOME = "/opt/mesos"
CURRENT = f"{HOME}/current"
SOURCES = "/etc/apt/sources.list.d/mesos.list"
REPO = "/etc/yum.repos.d/mesos.repo"

# What a release has for a folder, and the links of the folder that lead into one, a path below either a line.
_WANTED = """\
wanted() {{
	cd {source}/ 2>/dev/null || return 0
	ls -d {items} 2>/dev/null
}}
"""
_PLACED = """\
placed() {{
	cd {prefix}/ 2>/dev/null || return 0
	find {folders} -maxdepth 1 -lname '{source}/*' 2>/dev/null
}}
"""
_REMOVE = """\
placed | while read -r item; do rm {prefix}/"$item" && ascend - {prefix}/"$item"; done
"""
_PLACE = """\
wanted | while read -r item; do
	path={prefix}/$item
	if [ -e "$path" ] || [ -L "$path" ]; then
		echo "$path is there already and is not mesosctl's: remove it, or set distribution: preinstalled"
		exit 1
	fi
	parents "$path" && ln -s {source}/"$item" "$path" || exit 1
done
"""


class Repository(NamedTuple):
    address: str


class Part(NamedTuple):
    """What of a release is linked into one folder."""

    below: str
    """Folder of the release, with a slash before it; "" for its root."""
    items: str
    folders: str


MESOS = Part(
    "",
    "sbin/mesos* bin/mesos* lib/libmesos* libexec/mesos share/mesos include/mesos etc/mesos/*.template",
    "sbin bin lib libexec share include etc/mesos",
)
MARATHON = Part("/marathon", "bin/start examples/*", "bin examples")


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    if not runs_mesos(host):
        return []
    source = cluster.distribution
    found: list[Resource] = []
    bundle: Bundle | None = None
    if source == "bundled":
        python = python_of(facts)
        if python and python.package and facts.package_manager:
            packages = Packages(names=(python.package,), manager=facts.package_manager, proxy=environment(cluster))
            found.append(packages)
        platform = platform_of(host, facts)
        bundle = cluster.bundles.get(platform) if platform else None
    elif isinstance(source, MesosTarball):
        bundle = Bundle(archive_file(cluster, source.file), source.sha256)
    found += _packages(cluster, source, host, facts) if isinstance(source, MesosPackages) else _no_packages(facts)
    if bundle:
        found += _release(bundle, host)
    elif source != "bundled":
        found.append(Restored(path=CURRENT, notify=_run_from_it(host)))
    released = source == "bundled" or isinstance(source, MesosTarball)
    found.append(_links(MESOS, cluster.mesos.prefix, released=released, some=released))
    if host.has(Role.MARATHON):
        found.append(_links(MARATHON, cluster.marathon.home, released=released, some=source == "bundled"))
    return found


def _run_from_it(host: Host) -> tuple[str, ...]:
    """The services that run from the present release."""
    return (*programs_of(host), *(["marathon"] if host.has(Role.MARATHON) else []))


def _release(bundle: Bundle, host: Host) -> list[Resource]:
    name = bundle.sha256[:12]
    return [
        Archive(source=bundle.path, sha256=bundle.sha256, path=f"{HOME}/{name}"),
        Link(path=CURRENT, target=name, notify=_run_from_it(host)),
    ]


def _links(part: Part, prefix: str, *, released: bool, some: bool) -> Command:
    """The links into what a release has; with `some`, one that has nothing is wrong."""

    def text(*parts: str) -> str:
        source = f"{CURRENT}{part.below}"
        return "".join(parts).format(source=source, prefix=sh(prefix), items=part.items, folders=part.folders)

    exist = ' && [ -n "$(placed)" ]' if some else ""
    return Command(
        name=f"programs of {CURRENT}{part.below} in {prefix}",
        check=text(_WANTED, _PLACED, '[ "$(wanted | sort)" = "$(placed | sort)" ]', exist),
        apply=text(_WANTED, _PLACED, _REMOVE, _PLACE),
        revert=text(_PLACED, _REMOVE) if released else "",
    )


def _packages(cluster: Cluster, source: MesosPackages, host: Host, facts: Facts) -> list[Resource]:
    if not facts.package_manager:
        return []
    found = _no_packages(facts)
    if source.repository:
        path, notify = (SOURCES, ("apt-lists",)) if facts.package_manager == "apt" else (REPO, ())
        found = [File(path=path, content=render(path[1:], Repository(source.repository)), notify=notify)]
    proxy = environment(cluster)
    return [
        *found,
        Packages(names=source.packages, manager=facts.package_manager, proxy=proxy, notify=_run_from_it(host)),
    ]


def _no_packages(facts: Facts) -> list[Resource]:
    if facts.package_manager == "apt":
        return [Restored(path=SOURCES, notify=("apt-lists",))]
    return [Restored(path=REPO)] if facts.package_manager else []
