"""What the Ansible roles stand on: an action that carries out chapters, and an inventory for Ansible.

The roles say which chapters of the guide a host gets and in which order; the chapters and their templates are those of
`mesosctl bootstrap`, run on the host by Ansible's own connection. So a host looks the same whichever of the two was
there, and neither finds anything to change after the other.
"""
