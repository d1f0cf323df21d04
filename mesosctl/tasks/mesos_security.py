"""Who may do what in Mesos, and TLS: the files that the programs read, and the flags that name them.

Credentials are files of JSON with mode 0600 ("Authentication" and "SSL" of Apache Mesos' documentation): masters have
all, an agent its own and those of the operators. The key that an agent signs its executors' tokens with is made on its
host and never leaves it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from mesosctl.inventory.model import Authentication, Cluster, Host, Role, Secret
from mesosctl.resources.types import Command, Resource, Restored
from mesosctl.tasks.common import is_address
from mesosctl.templates.filters import sh

READ_BY = {
    "credentials": ("mesos-master",),
    "credential": ("mesos-agent",),
    "http_credentials": ("mesos-agent",),
    "acls.json": ("mesos-master", "mesos-agent"),
    "certificate.pem": ("mesos-master", "mesos-agent", "marathon"),
    "key.pem": ("mesos-master", "mesos-agent", "marathon"),
    "ca.pem": ("mesos-master", "mesos-agent", "marathon"),
}
"""The files of the configuration directory, with the services whose process has read them."""
EXECUTOR_KEY = "executor_key"


def files(cluster: Cluster, host: Host) -> dict[str, str]:
    """What a host has of those files."""
    found: dict[str, str] = {}
    granted = cluster.mesos.authentication
    if granted:
        master, agent = host.has(Role.MASTER), host.has(Role.AGENT)
        if master:
            found["credentials"] = _several({**_operators(granted), **granted.credentials})
        if agent and granted.agents:
            found["credential"] = json.dumps(_one(granted.agents, granted.credentials[granted.agents]))
        if agent and granted.operators != "none":
            found["http_credentials"] = _several(_operators(granted))
        if granted.acls and (master or agent):
            found["acls.json"] = granted.acls
    if host.certificate and host.key:
        found |= {"certificate.pem": host.certificate, "key.pem": host.key.reveal()}
        if cluster.mesos.tls and cluster.mesos.tls.ca:
            found["ca.pem"] = cluster.mesos.tls.ca
    return found


def _operators(granted: Authentication) -> Mapping[str, Secret]:
    """The credentials that are nobody's but people's and other frameworks'."""
    own = (granted.agents, granted.marathon)
    return {principal: secret for principal, secret in granted.credentials.items() if principal not in own}


def _several(credentials: Mapping[str, Secret]) -> str:
    return json.dumps({"credentials": [_one(*each) for each in credentials.items()]}, indent=2) + "\n"


def _one(principal: str, secret: Secret) -> dict[str, str]:
    return {"principal": principal, "secret": secret.reveal()}


def master_flags(cluster: Cluster, directory: str) -> dict[str, str]:
    """The flags of masters; `directory` is where their files are."""
    granted = cluster.mesos.authentication
    flags = variables(cluster, directory)
    if granted:
        flags |= {"credentials": f"file://{directory}/credentials", **_common(granted, directory)}
        if granted.agents:
            flags["authenticate_agents"] = "true"
        if granted.frameworks:
            flags |= {
                "authenticate_frameworks": "true",
                "authenticate_http_frameworks": "true",
                "http_framework_authenticators": "basic",
            }
    return flags


def agent_flags(cluster: Cluster, directory: str) -> dict[str, str]:
    """The flags of agents."""
    granted = cluster.mesos.authentication
    flags = variables(cluster, directory)
    if granted:
        flags |= _common(granted, directory)
        if granted.agents:
            flags["credential"] = f"file://{directory}/credential"
        if granted.operators != "none":
            flags["http_credentials"] = f"file://{directory}/http_credentials"
            flags["jwt_secret_key"] = f"file://{directory}/{EXECUTOR_KEY}"
    return flags


def _common(granted: Authentication, directory: str) -> dict[str, str]:
    flags = {"acls": f"file://{directory}/acls.json"} if granted.acls else {}
    if granted.operators != "none":
        flags["authenticate_http_readwrite"] = "true"
    if granted.operators == "all":
        flags["authenticate_http_readonly"] = "true"
    return flags


def variables(cluster: Cluster, directory: str) -> dict[str, str]:
    """The variables of TLS, for masters, agents and Marathon."""
    tls = cluster.mesos.tls
    if not tls:
        return {}
    found = {
        "LIBPROCESS_SSL_ENABLED": "true",
        "LIBPROCESS_SSL_CERT_FILE": f"{directory}/certificate.pem",
        "LIBPROCESS_SSL_KEY_FILE": f"{directory}/key.pem",
    }
    if tls.ca:
        found |= {"LIBPROCESS_SSL_CA_FILE": f"{directory}/ca.pem", "LIBPROCESS_SSL_VERIFY_SERVER_CERT": "true"}
        if any(is_address(host.address) for host in cluster.with_role(Role.MASTER)):
            found["LIBPROCESS_SSL_VERIFY_IPADD"] = "true"
    return found


def executor_key(cluster: Cluster, host: Host, directory: str) -> Resource:
    """The key of the tokens that executors show to their agent, made where there is none."""
    path = f"{directory}/{EXECUTOR_KEY}"
    granted = cluster.mesos.authentication
    if not (granted and granted.operators != "none" and host.has(Role.AGENT)):
        return Restored(path=path)
    word, note = sh(path), sh(f"created {path}")
    return Command(
        name=f"key {path}",
        check=f"[ -s {word} ]",
        apply=f"record {note} && head -c 48 /dev/urandom | base64 -w 0 >{word}",
        revert=f"rm -f {word} && forget - {note} && ascend - {word}",
        notify=("mesos-agent",),
    )
