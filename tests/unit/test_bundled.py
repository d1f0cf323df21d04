"""The bundled runtime: complete, on its own, and the same bytes for the same content."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import mesosctl
from mesosctl.distribution import bundled, dependencies
from mesosctl.engine.facts import Facts, assumed
from mesosctl.errors import MesosctlError
from mesosctl.inventory.distribution import Platform
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.tasks.mesos_python import platform_of, python_of

PACKAGE = Path(mesosctl.__file__).parent
HERE = Platform(
    interpreter=str(Path(sys.executable).resolve()),
    python=sys.version_info[:2],
    architecture=__import__("platform").machine(),
    libc=" ".join(__import__("platform").libc_ver()),
)


def imported(folder: Path) -> set[str]:
    """The modules that Python files import, by their full names."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module}
    return found


def test_the_runtime_imports_nothing_of_the_toolkit_nor_the_toolkit_of_it() -> None:
    own = {name for name in imported(PACKAGE / "runtime") if name.split(".")[0] == "mesosctl"}
    assert {name for name in own if not name.startswith("mesosctl.runtime")} == set()
    for folder in PACKAGE.iterdir():
        if folder.is_dir() and folder.name != "runtime":
            assert {name for name in imported(folder) if name.startswith("mesosctl.runtime")} == set(), folder.name


def test_what_the_runtime_imports_is_what_is_packed_and_what_pyproject_names() -> None:
    packages = metadata.packages_distributions()
    outside = {name.split(".")[0] for name in imported(PACKAGE / "runtime")} - sys.stdlib_module_names - {"mesosctl"}
    wanted = {packages[name][0] for name in outside}
    assert set(dependencies.DIRECT) <= wanted <= dependencies.needed().keys()
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    named = {re.split("[^a-z]", requirement)[0] for requirement in project["dependencies"]}
    assert set(dependencies.DIRECT) <= named


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for this machine's own Python, packed and unpacked."""
    folder = tmp_path_factory.mktemp("bundles")
    packed = bundled.bundle(HERE, folder)
    with tarfile.open(packed.path) as archive:
        archive.extractall(folder, filter="fully_trusted")
    (folder / "mesos").rename(folder / "elsewhere")
    return folder / "elsewhere"


def test_programs_run_from_wherever_they_are(prefix: Path, tmp_path: Path) -> None:
    link = tmp_path / "mesos-slave"
    link.symlink_to(prefix / "sbin" / "mesos-slave")
    for program in (prefix / "sbin" / "mesos-master", prefix / "sbin" / "mesos-agent", link):
        done = subprocess.run([program, "--version"], capture_output=True, text=True, env={"PYTHONPATH": "/nowhere"})
        assert (done.stdout, done.stderr) == ("mesos 1.11.0\n", "")


def test_every_module_is_found_in_the_prefix_alone(prefix: Path) -> None:
    look = (
        "import importlib, pkgutil, sys, mesosctl.runtime\n"
        "for module in pkgutil.walk_packages(mesosctl.runtime.__path__, 'mesosctl.runtime.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
        "print(*{module.__file__ for module in sys.modules.values() if getattr(module, '__file__', None)}, sep='\\n')"
    )
    python = prefix / "lib" / "mesosctl" / "bin" / "python3"
    done = subprocess.run([python, "-I", "-c", look], capture_output=True, text=True, check=True)
    outside = [path for path in done.stdout.splitlines() if not path.startswith(str(prefix))]
    assert not [path for path in outside if "site-packages" in path or str(PACKAGE) in path]


def test_it_looks_like_mesos_own_install(prefix: Path) -> None:
    files = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if "lib/mesosctl/lib" not in str(path)}
    parts = ("masters", "agents", "slaves", "cluster")
    scripts = {f"sbin/mesos-{verb}-{part}.sh" for verb in ("start", "stop") for part in parts}
    programs = {"sbin/mesos-master", "sbin/mesos-agent", "sbin/mesos-slave", "libexec/mesos/mesos-executor"}
    templates = {f"etc/mesos/mesos-{name}-env.sh.template" for name in ("master", "agent", "slave", "deploy")}
    assert scripts | programs | templates | {"sbin/mesos-daemon.sh"} <= files
    assert all((prefix / name).stat().st_mode & 0o111 for name in scripts | programs)


def test_scripts_pass_shellcheck(prefix: Path) -> None:
    shellcheck = shutil.which("shellcheck")
    if not shellcheck:
        pytest.skip("no shellcheck here")
    scripts = [*prefix.glob("sbin/*"), *prefix.glob("libexec/mesos/*"), *prefix.glob("etc/mesos/*")]
    scripts.append(prefix / "lib" / "mesosctl" / "deploy.sh")
    run = subprocess.run([shellcheck, *map(str, scripts)], capture_output=True, text=True, check=False)
    assert (run.stdout, run.returncode) == ("", 0)


def test_the_same_content_makes_the_same_bytes(tmp_path: Path) -> None:
    first, second = bundled.bundle(HERE, tmp_path / "a"), bundled.bundle(HERE, tmp_path / "b")
    assert first.sha256 == second.sha256
    written = first.path.stat().st_mtime_ns
    assert bundled.bundle(HERE, tmp_path / "a") == first
    assert first.path.stat().st_mtime_ns == written, "packed once"


def test_another_python_is_fetched_for_with_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No index is asked: what pip is told counts, and that its refusal is told."""
    other = Platform(interpreter="/usr/bin/python3.12", python=(3, 12), architecture="aarch64", libc="glibc 2.34")
    assert not dependencies.installed_fits(other)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(MesosctlError, match=r"for Python 3.12 on aarch64 \(glibc 2.34\)") as told:
        bundled.bundle(other, tmp_path)
    assert "aiohttp" in str(told.value)


def host_of(*roles: Role) -> Host:
    return Host(name="h", address="10.0.0.1", roles=frozenset(roles))


@pytest.mark.parametrize(
    ("facts", "path", "package"),
    [
        (assumed("debian"), "/usr/bin/python3.11", "python3"),
        (assumed("redhat"), "/usr/bin/python3.11", "python3.11"),
        (
            Facts(
                os_id="ubuntu",
                os_version="22.04",
                family="debian",
                package_manager="apt",
                init="systemd",
                pythons=(("/usr/bin/python3.10", "3.10.12"), ("/usr/local/bin/python3.13", "3.13.1")),
            ),
            "/usr/local/bin/python3.13",
            "",
        ),
    ],
)
def test_the_python_of_a_host(facts: Facts, path: str, package: str) -> None:
    python = python_of(facts)
    assert python is not None
    assert (python.path, python.package) == (path, package)


def test_only_masters_and_agents_need_one() -> None:
    assert platform_of(host_of(Role.ZOOKEEPER), assumed("debian")) is None
    assert platform_of(host_of(Role.AGENT), assumed("debian")) is not None
    alpine = Facts(os_id="alpine", os_version="3.20", family="", package_manager="", init="script")
    assert python_of(alpine) is None


def test_a_bundle_is_made_for_each_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Platform] = []
    monkeypatch.setattr(bundled, "bundle", lambda platform, folder: made.append(platform))
    hosts = tuple(
        Host(name=name, address=name, roles=frozenset({Role.AGENT if name != "z" else Role.ZOOKEEPER}))
        for name in ("a", "b", "c", "z", "unreachable")
    )
    cluster = Cluster(name="c", hosts=hosts, path=tmp_path, state_dir=tmp_path)
    families = {"a": "debian", "b": "debian", "c": "redhat", "z": "debian"}
    bundled.ensure(cluster, {name: assumed(family) for name, family in families.items()})
    assert [platform.libc for platform in made] == ["glibc 2.36", "glibc 2.34"]
