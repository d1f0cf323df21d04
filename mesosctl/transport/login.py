"""Proving who we are: keys loaded once for all hosts, the SSH agent, passwords; a failure tells what was tried.

Order: the host's own key, the agent's keys, the cluster's key, the user's default keys, the password. A key that has
let us in elsewhere goes first among the last three kinds, so that an agent full of keys costs one attempt a host, not
many (servers hang up after six).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from paramiko import (
    Agent,
    AuthenticationException,
    BadAuthenticationType,
    Message,
    PasswordRequiredException,
    PKey,
    SSHException,
    Transport,
)

from mesosctl.transport.endpoint import Endpoint, Identity
from mesosctl.transport.errors import TransportError

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


class LockedKey(Exception):
    """A key file that its passphrase, or the lack of one, does not open."""


class SharedAgent(Agent):
    """An SSH agent asked by many threads: one question at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        super().__init__()

    def _send_message(self, msg: Message) -> tuple[int, Message]:
        with self._lock:
            answer: tuple[int, Message] = super()._send_message(msg)  # type: ignore[misc]
        return answer


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key to try, and how messages call it."""

    label: str
    key: PKey


class Keyring:
    """The private keys of a run. Each file is read once, whatever the number of hosts; shared by all threads."""

    def __init__(self, cluster_key: Path) -> None:
        self._cluster_key = cluster_key
        self._lock = threading.Lock()
        self._files: dict[Path, PKey | LockedKey | None] = {}
        self._agent: SharedAgent | None = None
        self._favourite: PKey | None = None

    def load(self, identity: Identity) -> PKey | None:
        """The key of a file; None where there is no file. LockedKey where it cannot be opened."""
        with self._lock:
            if identity.path not in self._files:
                try:
                    self._files[identity.path] = _read_key(identity)
                except LockedKey as error:
                    self._files[identity.path] = error
            key = self._files[identity.path]
        if isinstance(key, LockedKey):
            raise key
        return key

    def candidates(self, endpoint: Endpoint, problems: list[str]) -> Iterator[Candidate]:
        """The keys to try, in order; what is wrong with a key file goes into `problems`."""
        own = list(self._own(endpoint, problems))
        yield from own
        shared = [candidate for candidate in self._shared(problems) if candidate.key not in {c.key for c in own}]
        yield from sorted(shared, key=lambda candidate: candidate.key is not self._favourite)

    def accepted(self, key: PKey) -> None:
        """This key was accepted by a host."""
        self._favourite = key

    def close(self) -> None:
        with self._lock:
            if self._agent is not None:
                self._agent.close()
                self._agent = None

    def _own(self, endpoint: Endpoint, problems: list[str]) -> Iterator[Candidate]:
        for identity in endpoint.identities:
            try:
                key = self.load(identity)
            except LockedKey as error:
                problems.append(str(error))
                continue
            if key is None:
                problems.append(f"there is no key file {identity.path}")
            else:
                yield Candidate(f"key {identity.path}", key)

    def _shared(self, problems: list[str]) -> Iterator[Candidate]:
        for key in self._agent_keys():
            yield Candidate(f"agent key {getattr(key, 'comment', '') or key.get_name()}", key)
        home = Path("~/.ssh").expanduser()
        for path in (self._cluster_key, *(home / name for name in DEFAULT_KEYS)):
            try:
                found = self.load(Identity(path))
            except LockedKey as error:
                problems.append(str(error))
                continue
            if found is not None:
                yield Candidate(f"key {path}", found)

    def _agent_keys(self) -> tuple[PKey, ...]:
        with self._lock:
            if self._agent is None:
                try:
                    self._agent = SharedAgent()
                except (SSHException, OSError):
                    return ()
            return self._agent.get_keys()


def _read_key(identity: Identity) -> PKey | None:
    path = identity.path
    passphrase = identity.passphrase.reveal() if identity.passphrase else None
    try:
        return PKey.from_path(path, passphrase.encode() if passphrase else None)  # type: ignore[arg-type]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LockedKey(f"key {path} cannot be read ({error.strerror})") from None
    except (PasswordRequiredException, TypeError):
        raise LockedKey(f"key {path} is encrypted and no passphrase is given") from None
    except (SSHException, ValueError, UnsupportedAlgorithm):
        reason = "the passphrase does not open it" if passphrase else "it is no private key that can be used"
        raise LockedKey(f"key {path}: {reason}") from None


@dataclass
class Login:
    """One login, in the shape of Paramiko's AuthStrategy."""

    endpoint: Endpoint
    keyring: Keyring
    tried: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def authenticate(self, transport: Transport) -> Any:
        """Log in, or raise TransportError with the cause authentication or passphrase."""
        user = self.endpoint.user
        try:
            for candidate in self.keyring.candidates(self.endpoint, self.problems):
                self.tried.append(candidate.label)
                try:
                    more = transport.auth_publickey(user, candidate.key)
                except BadAuthenticationType:
                    break
                except AuthenticationException as error:
                    if not transport.is_active():
                        raise
                    if "agree on a pubkey algorithm" in str(error):
                        self.problems.append(f"{candidate.label} needs SHA-1 signatures there, which are refused")
                    continue
                if not more:
                    self.keyring.accepted(candidate.key)
                    return []
                break
            if self.endpoint.password is not None:
                self.tried.append("password")
                if not transport.auth_password(user, self.endpoint.password.reveal()):
                    return []
        except AuthenticationException as error:
            if "timeout" in str(error).lower():
                raise
        raise self._refusal(transport)

    def _refusal(self, transport: Transport) -> TransportError:
        allowed: list[str] = []
        hung_up = not transport.is_active()
        if not hung_up:
            try:
                transport.auth_none(self.endpoint.user)
            except BadAuthenticationType as error:
                allowed = error.allowed_types
            except SSHException:
                pass
        where = f"{self.endpoint.address} port {self.endpoint.port}"
        parts = [f"{where} does not let {self.endpoint.user} in"]
        parts.append(f"tried: {', '.join(self.tried)}" if self.tried else "there was nothing to try")
        parts += self.problems
        if allowed:
            parts.append(f"the server allows: {', '.join(allowed)}")
        if hung_up:
            parts.append("the server hung up (it limits the attempts)")
        locked = any("passphrase" in problem for problem in self.problems) and bool(self.endpoint.identities)
        return TransportError(
            "passphrase" if locked else "authentication",
            "; ".join(parts),
            host=self.endpoint.host,
            fix="give ssh.passphrase (env:NAME or file:PATH), or load the key into the SSH agent"
            if locked
            else "correct ssh.user, ssh.key or ssh.password in the inventory; `mesosctl keys push` installs a key",
        )
