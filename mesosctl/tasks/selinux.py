"""The guide's chapter "Selinux": the mode now, the mode after a reboot, and never a reboot.

setenforce(8) neither persists nor disables; the configuration file counts from the next boot on, and from RHEL 9 on
only the kernel's `selinux=0` disables (selinux(8)). A host without SELinux is fine as it is.

Files that are written while SELinux is disabled have no label, and who enforces may not read them: such a host, booted
straight into enforcing mode, lets nobody log in. It gets there by way of permissive mode.
"""

from __future__ import annotations

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, SelinuxMode
from mesosctl.resources.types import Command, Resource, Setting
from mesosctl.templates.filters import sh

TITLE = "SELinux"

CONFIG = "/etc/selinux/config"
LABEL_ALL = "touch /.autorelabel"
KERNEL_ARGUMENT_SINCE = 9
"""The release of the RHEL family from which on the configuration file alone no longer disables SELinux."""


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    mode = cluster.selinux
    if mode is SelinuxMode.UNMANAGED or facts.selinux == "absent":
        return []
    found: list[Resource] = []
    if facts.selinux != "disabled":
        found.append(_now(SelinuxMode.PERMISSIVE if mode is SelinuxMode.DISABLED else mode))
    if SelinuxMode.DISABLED in (mode, facts.selinux) and _kernel_argument_counts(facts):
        found.append(_kernel_argument(mode))
    later = SelinuxMode.PERMISSIVE if mode is SelinuxMode.ENFORCING and facts.selinux == "disabled" else mode
    found.append(Setting(path=CONFIG, key="SELINUX", value=later.value))
    if (mode is SelinuxMode.DISABLED) != (facts.selinux == "disabled"):
        until = SelinuxMode.PERMISSIVE if mode is SelinuxMode.DISABLED else SelinuxMode.DISABLED
        note = f"reboot required: SELinux is {until.value} until then, and {later.value} after it"
        if later is not mode:
            note += f"; have it label all files ({LABEL_ALL}), and run this again: it is {mode.value} then"
        found.append(Command(name="SELinux in the running kernel", check=f"echo {sh(f'note: {note}')}", apply=":"))
    return found


def _now(mode: SelinuxMode) -> Command:
    """The mode of the running kernel. Taken back after the configuration file, it becomes what that file says."""
    value = "1" if mode is SelinuxMode.ENFORCING else "0"
    apply = f"setenforce {value}"
    if mode is SelinuxMode.ENFORCING:
        refuse = f"echo {sh(f'files have no label: {LABEL_ALL}, then reboot')}; false"
        apply = f"case $(stat -c %C {CONFIG}) in *:unlabeled_t*) {refuse} ;; *) {apply} ;; esac"
    configured = f"$(sed -n 's/^SELINUX=//p' {CONFIG})"
    return Command(
        name=f"SELinux {mode.value} now",
        check=f'[ "$(cat /sys/fs/selinux/enforce)" = {value} ]',
        apply=apply,
        revert=f"case {configured} in enforcing) setenforce 1 ;; permissive) setenforce 0 ;; esac",
    )


def _kernel_argument_counts(facts: Facts) -> bool:
    release = facts.os_version.partition(".")[0]
    return facts.family == "redhat" and release.isdigit() and int(release) >= KERNEL_ARGUMENT_SINCE


def _kernel_argument(mode: SelinuxMode) -> Command:
    """`selinux=0` for every kernel that the boot loader knows, or for none. Without grubby nothing is done."""
    add, remove = ("grubby --update-kernel=ALL --args=selinux=0", "grubby --update-kernel=ALL --remove-args=selinux=0")
    arguments, known = "grubby --info=ALL | grep '^args='", "command -v grubby >/dev/null"
    if mode is SelinuxMode.DISABLED:
        check = f"! {known} || ! {arguments} | grep -qv 'selinux=0'"
        return Command(name="kernel argument selinux=0", check=check, apply=add, revert=f"! {known} || {remove}")
    check = f"! {known} || ! {arguments} | grep -q 'selinux=0'"
    return Command(name="no kernel argument selinux=0", check=check, apply=remove)
