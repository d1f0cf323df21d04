"""The action of all roles; mesosctl has to be installed beside Ansible."""

from mesosctl.ansible.action import ActionModule

__all__ = ["ActionModule"]
