"""Becoming root on a host, and the two things done as root: run a program, write a file.

A sudo password sent ahead on standard input would leak: with NOPASSWD the shell would execute it, and after a wrong
one the program's lines would become further guesses. So sudo is given a prompt that nobody can foresee, the password
follows only on that prompt and only once, and the program only after the root shell has said that it is there.
"""

from __future__ import annotations

import secrets
import shlex
import time

from mesosctl.inventory.model import Host
from mesosctl.transport.errors import TransportError
from mesosctl.transport.session import DeadlineExceeded, Session

LIMIT = 60.0
"""Seconds that sudo may take to ask or to answer."""


class Root:
    """How one session becomes root: the command to ask of the server, and the dialogue that follows."""

    def __init__(self, host: Host, script: str) -> None:
        """`script` is what root's sh runs; any login shell must understand it (`exec sh …`)."""
        self._host = host
        nonce = secrets.token_hex(8)
        self._prompt = f"{nonce}-pw"
        self._ready = f"{nonce}-ready\n".encode()
        if host.ssh.sudo:
            inner = f"echo {nonce}-ready; {script}"
            self.command = f"sudo -S -H -p {self._prompt} -- sh -c {shlex.quote(inner)}"
        else:
            self.command = script

    def enter(self, session: Session) -> bytes:
        """Answer sudo, and return what root's shell has written already. Raises TransportError (sudo-…)."""
        if not self._host.ssh.sudo:
            return b""
        seen = bytearray()
        session.on_output = seen.extend
        deadline, session.deadline = session.deadline, min(session.deadline, time.monotonic() + LIMIT)
        answered = False
        while self._ready not in seen:
            prompts = session.errors.count(self._prompt)
            if prompts > int(answered):
                self._answer(session, first=not answered)
                answered = True
            try:
                more = session.wait()
            except DeadlineExceeded:
                raise self._refused(session, "sudo does not come to an end") from None
            if not more and self._ready not in seen:
                session.finish()
                raise self._refused(session, "sudo refused")
        session.deadline = deadline
        session.forget_errors()
        return bytes(seen[seen.index(self._ready) + len(self._ready) :])

    def _answer(self, session: Session, *, first: bool) -> None:
        password = self._host.ssh.sudo_password
        if password is None:
            raise TransportError(
                "sudo-password",
                f"sudo asks for the password of {self._host.ssh.user}, and none is given",
                host=self._host.name,
                fix="set ssh.sudo_password (env:NAME or file:PATH), let -K ask for it, or allow sudo with NOPASSWD",
            )
        if not first:
            raise TransportError(
                "sudo-password",
                f"sudo does not take the password given ({password})",
                host=self._host.name,
                fix="correct the secret that ssh.sudo_password refers to",
            )
        session.send(password.reveal().encode() + b"\n")

    def _refused(self, session: Session, what: str) -> TransportError:
        reason = session.errors.replace(self._prompt, "").strip()
        fix = f"allow {self._host.ssh.user} to run sh as root in sudoers, or log in as root"
        if "tty" in reason:
            fix = f"sudoers has requiretty: add `Defaults:{self._host.ssh.user} !requiretty`"
        return TransportError("sudo-refused", f"{what}: {reason or 'it gave no reason'}", host=self._host.name, fix=fix)


PUT = """\
umask 077
trap 'rm -f "$0"' EXIT
trap 'exit 1' HUP INT TERM PIPE
set -C
cat >"$0" || exit 1
[ "$(wc -c <"$0")" -eq {size} ] || {{ echo 'the file came incomplete' >&2; exit 1; }}
sync "$0" 2>/dev/null
mv -f "$0" {path} && trap - EXIT
"""


def put_script(path: str, size: int) -> str:
    """A script that writes `size` bytes of standard input to `path`: whole, 0600, by rename; or not at all."""
    temporary = f"{path}.{secrets.token_hex(4)}"
    return f"exec sh -c {shlex.quote(PUT.format(size=size, path=shlex.quote(path)))} {shlex.quote(temporary)}"
