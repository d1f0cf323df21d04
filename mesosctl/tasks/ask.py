"""Questions that a host puts to a service of its own, over HTTP."""

from __future__ import annotations

from mesosctl.templates.filters import sh


def get(address: str, port: str, path: str, *, tls: bool = False, credential: str = "") -> str:
    """A sh command that prints the answer to a GET, with its head. bash is on every host, a client of HTTP is not.

    `credential`: bash commands that set `$head` to a line of the request's head; what it holds is on no command line.
    """
    head, value = ("%s", ' "$head"') if credential else ("", "")
    request = f"printf 'GET {path} HTTP/1.0\\r\\n{head}\\r\\n'{value}"
    if tls:
        ask = f"{request} | openssl s_client -quiet -connect {address}:{port}"
    else:
        ask = f"exec 3<>/dev/tcp/{address}/{port} && {request} >&3 && cat <&3"
    if credential:
        ask = f"{credential}; {ask}"
    return f"timeout 5 bash -c {sh(ask)} 2>/dev/null | tr -d '\\r'"


def basic(credential: str) -> str:
    """Bash: sets `$head` to the credential that a word of bash gives, `user:password`."""
    return rf"""head="Authorization: Basic $(printf %s {credential} | base64 -w 0)"$'\r\n'"""
