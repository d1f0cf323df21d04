"""Why a change is refused."""

from __future__ import annotations


class RefusedError(Exception):
    """The base of these."""


class LockedError(RefusedError):
    """Deployments under way touch the same apps (409). `deployments` are their ids; `force` would cancel them."""

    def __init__(self, deployments: tuple[str, ...]) -> None:
        self.deployments = deployments
        super().__init__(f"App is locked by one or more deployments: {', '.join(deployments)}")


class TooManyDeploymentsError(RefusedError):
    """As many deployments as are allowed are under way (403)."""


class UnknownDeploymentError(RefusedError):
    """There is no deployment with that id (404)."""
