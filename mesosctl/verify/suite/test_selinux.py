"""The guide's chapter "Selinux"."""

from __future__ import annotations

import pytest
from testinfra.host import Host

from mesosctl.inventory.model import Cluster, SelinuxMode
from mesosctl.verify.promises import promise

TITLE = "SELinux"


def managed(cluster: Cluster) -> bool:
    return cluster.selinux is not SelinuxMode.UNMANAGED


@promise(when=managed)
def test_selinux_now(host: Host, cluster: Cluster) -> None:
    """SELinux does now what is declared"""
    if not host.file("/etc/selinux/config").exists:
        pytest.skip("the host has no SELinux")
    mode = host.check_output("getenforce").lower()
    allowed = {cluster.selinux.value}
    if cluster.selinux is SelinuxMode.DISABLED:
        allowed.add("permissive")  # until the next boot
    assert mode in allowed, f"it is {mode}"


@promise(when=managed)
def test_selinux_after_a_boot(host: Host, cluster: Cluster) -> None:
    """SELinux will do so after a boot"""
    if not host.file("/etc/selinux/config").exists:
        pytest.skip("the host has no SELinux")
    configured = host.check_output("sed -n 's/^SELINUX=//p' /etc/selinux/config")
    assert configured == cluster.selinux.value, f"/etc/selinux/config says {configured or 'nothing'}"
