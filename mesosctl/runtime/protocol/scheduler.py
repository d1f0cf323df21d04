"""The scheduler API (`/api/v1/scheduler` of a master): `mesos.v1.scheduler`."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from mesosctl.runtime.protocol.basics import (
    AgentID,
    ExecutorID,
    FrameworkID,
    OfferID,
    OperationID,
    ResourceProviderID,
    TaskID,
)
from mesosctl.runtime.protocol.cluster import FrameworkInfo, MasterInfo
from mesosctl.runtime.protocol.containers import KillPolicy
from mesosctl.runtime.protocol.offers import Filters, InverseOffer, Offer, OperationStatus
from mesosctl.runtime.protocol.resources import Request
from mesosctl.runtime.protocol.tasks import TaskStatus
from mesosctl.runtime.protocol.wire import Int32, WireEnum, WireMessage


class AttributeConstraint(WireMessage):
    class Selector(WireMessage):
        class PseudoattributeType(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            HOSTNAME = "HOSTNAME", 1
            REGION = "REGION", 2
            ZONE = "ZONE", 3

        pseudoattribute_type: Annotated[AttributeConstraint.Selector.PseudoattributeType | None, 1] = None
        attribute_name: Annotated[str | None, 2] = None

    class Predicate(WireMessage):
        class Exists(WireMessage):
            pass

        class NotExists(WireMessage):
            pass

        class TextEquals(WireMessage):
            value: Annotated[str, 1]

        class TextNotEquals(WireMessage):
            value: Annotated[str, 1]

        class TextMatches(WireMessage):
            regex: Annotated[str, 1]

        class TextNotMatches(WireMessage):
            regex: Annotated[str, 1]

        exists: Annotated[AttributeConstraint.Predicate.Exists | None, 1] = None
        not_exists: Annotated[AttributeConstraint.Predicate.NotExists | None, 2] = None
        text_equals: Annotated[AttributeConstraint.Predicate.TextEquals | None, 3] = None
        text_not_equals: Annotated[AttributeConstraint.Predicate.TextNotEquals | None, 4] = None
        text_matches: Annotated[AttributeConstraint.Predicate.TextMatches | None, 5] = None
        text_not_matches: Annotated[AttributeConstraint.Predicate.TextNotMatches | None, 6] = None

    selector: Annotated[AttributeConstraint.Selector, 1]
    predicate: Annotated[AttributeConstraint.Predicate, 2]


class OfferConstraints(WireMessage):
    class RoleConstraints(WireMessage):
        class Group(WireMessage):
            attribute_constraints: Annotated[tuple[AttributeConstraint, ...], 1] = ()

        groups: Annotated[tuple[OfferConstraints.RoleConstraints.Group, ...], 1] = ()

    role_constraints: Annotated[dict[str, OfferConstraints.RoleConstraints], 1] = field(default_factory=dict)


class Event(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        SUBSCRIBED = "SUBSCRIBED", 1
        OFFERS = "OFFERS", 2
        INVERSE_OFFERS = "INVERSE_OFFERS", 9
        RESCIND = "RESCIND", 3
        RESCIND_INVERSE_OFFER = "RESCIND_INVERSE_OFFER", 10
        UPDATE = "UPDATE", 4
        UPDATE_OPERATION_STATUS = "UPDATE_OPERATION_STATUS", 11
        MESSAGE = "MESSAGE", 5
        FAILURE = "FAILURE", 6
        ERROR = "ERROR", 7
        HEARTBEAT = "HEARTBEAT", 8

    class Subscribed(WireMessage):
        framework_id: Annotated[FrameworkID, 1]
        heartbeat_interval_seconds: Annotated[float | None, 2] = None
        master_info: Annotated[MasterInfo | None, 3] = None

    class Offers(WireMessage):
        offers: Annotated[tuple[Offer, ...], 1] = ()

    class InverseOffers(WireMessage):
        inverse_offers: Annotated[tuple[InverseOffer, ...], 1] = ()

    class Rescind(WireMessage):
        offer_id: Annotated[OfferID, 1]

    class RescindInverseOffer(WireMessage):
        inverse_offer_id: Annotated[OfferID, 1]

    class Update(WireMessage):
        status: Annotated[TaskStatus, 1]

    class UpdateOperationStatus(WireMessage):
        status: Annotated[OperationStatus, 1]

    class Message(WireMessage):
        agent_id: Annotated[AgentID, 1]
        executor_id: Annotated[ExecutorID, 2]
        data: Annotated[bytes, 3]

    class Failure(WireMessage):
        agent_id: Annotated[AgentID | None, 1] = None
        executor_id: Annotated[ExecutorID | None, 2] = None
        status: Annotated[Int32 | None, 3] = None

    class Error(WireMessage):
        message: Annotated[str, 1]

    type: Annotated[Event.Type | None, 1] = None
    subscribed: Annotated[Event.Subscribed | None, 2] = None
    offers: Annotated[Event.Offers | None, 3] = None
    inverse_offers: Annotated[Event.InverseOffers | None, 9] = None
    rescind: Annotated[Event.Rescind | None, 4] = None
    rescind_inverse_offer: Annotated[Event.RescindInverseOffer | None, 10] = None
    update: Annotated[Event.Update | None, 5] = None
    update_operation_status: Annotated[Event.UpdateOperationStatus | None, 11] = None
    message: Annotated[Event.Message | None, 6] = None
    failure: Annotated[Event.Failure | None, 7] = None
    error: Annotated[Event.Error | None, 8] = None


class Response(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        RECONCILE_OPERATIONS = "RECONCILE_OPERATIONS", 1

    class ReconcileOperations(WireMessage):
        operation_statuses: Annotated[tuple[OperationStatus, ...], 1] = ()

    type: Annotated[Response.Type | None, 1] = None
    reconcile_operations: Annotated[Response.ReconcileOperations | None, 2] = None


class Call(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        SUBSCRIBE = "SUBSCRIBE", 1
        TEARDOWN = "TEARDOWN", 2
        ACCEPT = "ACCEPT", 3
        DECLINE = "DECLINE", 4
        ACCEPT_INVERSE_OFFERS = "ACCEPT_INVERSE_OFFERS", 13
        DECLINE_INVERSE_OFFERS = "DECLINE_INVERSE_OFFERS", 14
        REVIVE = "REVIVE", 5
        KILL = "KILL", 6
        SHUTDOWN = "SHUTDOWN", 7
        ACKNOWLEDGE = "ACKNOWLEDGE", 8
        ACKNOWLEDGE_OPERATION_STATUS = "ACKNOWLEDGE_OPERATION_STATUS", 15
        RECONCILE = "RECONCILE", 9
        RECONCILE_OPERATIONS = "RECONCILE_OPERATIONS", 16
        MESSAGE = "MESSAGE", 10
        REQUEST = "REQUEST", 11
        SUPPRESS = "SUPPRESS", 12
        UPDATE_FRAMEWORK = "UPDATE_FRAMEWORK", 17

    class Subscribe(WireMessage):
        framework_info: Annotated[FrameworkInfo, 1]
        suppressed_roles: Annotated[tuple[str, ...], 2] = ()
        offer_constraints: Annotated[OfferConstraints | None, 3] = None

    class Accept(WireMessage):
        offer_ids: Annotated[tuple[OfferID, ...], 1] = ()
        operations: Annotated[tuple[Offer.Operation, ...], 2] = ()
        filters: Annotated[Filters | None, 3] = None

    class Decline(WireMessage):
        offer_ids: Annotated[tuple[OfferID, ...], 1] = ()
        filters: Annotated[Filters | None, 2] = None

    class AcceptInverseOffers(WireMessage):
        inverse_offer_ids: Annotated[tuple[OfferID, ...], 1] = ()
        filters: Annotated[Filters | None, 2] = None

    class DeclineInverseOffers(WireMessage):
        inverse_offer_ids: Annotated[tuple[OfferID, ...], 1] = ()
        filters: Annotated[Filters | None, 2] = None

    class Revive(WireMessage):
        roles: Annotated[tuple[str, ...], 1] = ()

    class Kill(WireMessage):
        task_id: Annotated[TaskID, 1]
        agent_id: Annotated[AgentID | None, 2] = None
        kill_policy: Annotated[KillPolicy | None, 3] = None

    class Shutdown(WireMessage):
        executor_id: Annotated[ExecutorID, 1]
        agent_id: Annotated[AgentID, 2]

    class Acknowledge(WireMessage):
        agent_id: Annotated[AgentID, 1]
        task_id: Annotated[TaskID, 2]
        uuid: Annotated[bytes, 3]

    class AcknowledgeOperationStatus(WireMessage):
        uuid: Annotated[bytes, 3]
        operation_id: Annotated[OperationID, 4]
        agent_id: Annotated[AgentID | None, 1] = None
        resource_provider_id: Annotated[ResourceProviderID | None, 2] = None

    class Reconcile(WireMessage):
        class Task(WireMessage):
            task_id: Annotated[TaskID, 1]
            agent_id: Annotated[AgentID | None, 2] = None

        tasks: Annotated[tuple[Call.Reconcile.Task, ...], 1] = ()

    class ReconcileOperations(WireMessage):
        class Operation(WireMessage):
            operation_id: Annotated[OperationID, 1]
            agent_id: Annotated[AgentID | None, 2] = None
            resource_provider_id: Annotated[ResourceProviderID | None, 3] = None

        operations: Annotated[tuple[Call.ReconcileOperations.Operation, ...], 1] = ()

    class Message(WireMessage):
        agent_id: Annotated[AgentID, 1]
        executor_id: Annotated[ExecutorID, 2]
        data: Annotated[bytes, 3]

    class Request(WireMessage):
        requests: Annotated[tuple[Request, ...], 1] = ()

    class Suppress(WireMessage):
        roles: Annotated[tuple[str, ...], 1] = ()

    class UpdateFramework(WireMessage):
        framework_info: Annotated[FrameworkInfo, 1]
        suppressed_roles: Annotated[tuple[str, ...], 2] = ()
        offer_constraints: Annotated[OfferConstraints | None, 3] = None

    framework_id: Annotated[FrameworkID | None, 1] = None
    type: Annotated[Call.Type | None, 2] = None
    subscribe: Annotated[Call.Subscribe | None, 3] = None
    accept: Annotated[Call.Accept | None, 4] = None
    decline: Annotated[Call.Decline | None, 5] = None
    accept_inverse_offers: Annotated[Call.AcceptInverseOffers | None, 13] = None
    decline_inverse_offers: Annotated[Call.DeclineInverseOffers | None, 14] = None
    revive: Annotated[Call.Revive | None, 15] = None
    kill: Annotated[Call.Kill | None, 6] = None
    shutdown: Annotated[Call.Shutdown | None, 7] = None
    acknowledge: Annotated[Call.Acknowledge | None, 8] = None
    acknowledge_operation_status: Annotated[Call.AcknowledgeOperationStatus | None, 17] = None
    reconcile: Annotated[Call.Reconcile | None, 9] = None
    reconcile_operations: Annotated[Call.ReconcileOperations | None, 18] = None
    message: Annotated[Call.Message | None, 10] = None
    request: Annotated[Call.Request | None, 11] = None
    suppress: Annotated[Call.Suppress | None, 16] = None
    update_framework: Annotated[Call.UpdateFramework | None, 19] = None
