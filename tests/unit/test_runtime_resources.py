"""Arithmetic on resources: what is read, what is refused, and that amounts neither grow nor vanish."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesosctl.runtime.protocol.basics import Label, Labels
from mesosctl.runtime.protocol.codec import decode
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.resources import (
    Form,
    Resources,
    ResourcesError,
    apply,
    check_role,
    conversions,
    counts,
    summary,
)
from mesosctl.runtime.resources.amounts import Ranges

parse = Resources.parse


def of(*entries: dict[str, object]) -> Resources:
    return Resources.of(decode(Resource, msgspec.json.encode(entry)) for entry in entries)


def scalar(name: str, value: float, **more: object) -> dict[str, object]:
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}, **more}


def volume(size: float, identity: str = "v1", **more: object) -> dict[str, object]:
    disk = {"persistence": {"id": identity}, "volume": {"container_path": "data", "mode": "RW"}}
    return scalar("disk", size, reservations=[{"type": "DYNAMIC", "role": "db"}], disk=disk, **more)


# Text.


@pytest.mark.parametrize(
    ("flag", "printed"),
    [
        ("cpus:4", "cpus:4"),
        ("cpus:45.55;mem:1024", "cpus:45.55; mem:1024"),
        (" cpus : 4 ; mem:1 024", "cpus:4; mem:1024"),
        ("cpus:1;cpus:2.5", "cpus:3.5"),
        ("cpus:1e1", "cpus:10"),
        ("cpus:0;mem:1", "mem:1"),
        ("ports:[31000-32000]", "ports:[31000-32000]"),
        ("ports:[1-2,3-5, 8-9]", "ports:[1-5, 8-9]"),
        ("ports:[]", "{}"),
        ("zones:{a, b,c}", "zones:{a, b, c}"),
        ("disk(ads):100", "disk(reservations: [(STATIC,ads)]):100"),
        ("disk( ads ):100;disk:5", "disk(reservations: [(STATIC,ads)]):100; disk:5"),
        ("", "{}"),
        ('[{"name":"cpus","type":"SCALAR","scalar":{"value":8}}]', "cpus:8"),
        ("[]", "{}"),
    ],
)
def test_a_flag_is_read(flag: str, printed: str) -> None:
    assert str(parse(flag)) == printed


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("cpus", "Bad value for resources, missing or extra ':' in cpus"),
        ("cpus:1:2", "Bad value for resources, missing or extra ':' in cpus:1:2"),
        ("cpus(a:1", "Bad value for resources, mismatched parentheses in cpus(a:1"),
        ("cpus)a(:1", "Bad value for resources, mismatched parentheses in cpus)a(:1"),
        ("cpus:many", "Bad type for resource cpus value many type TEXT"),
        ("cpus:nan", "Bad type for resource cpus value nan type TEXT"),
        ("cpus:1_0", "Bad type for resource cpus value 1_0 type TEXT"),
        ("cpus:-1", "Invalid scalar resource: value <= 0"),
        ("cpus:0.0001", "Invalid scalar resource: value <= 0"),
        ("cpus:1e999", "Invalid scalar resource"),
        ("cpus: ", "Failed to parse resource cpus value   error Expecting non-empty string"),
        ("ports:[1-2", "Failed to parse resource ports value [1-2 error Mismatched brackets"),
        ("ports:[1-]", 'Failed to parse resource ports value [1-] error Expecting one or more "ranges"'),
        ("ports:[1-b]", "Failed to parse resource ports value [1-b] error Expecting non-negative integers in 'b'"),
        ("ports:3[1-2]", "Failed to parse resource ports value 3[1-2] error Unexpected '[' found"),
        ("zones:3{a}", "Failed to parse resource zones value 3{a} error Unexpected '{' found"),
        ("ports:[5-1]", "Invalid ranges resource: begin > end"),
        ("zones:{a,a}", "Invalid set resource: duplicated elements"),
        ("cpus(/a):1", "Role '/a' cannot start with a slash"),
        ("cpus:1;cpus:[1-2]", "Resources with the same name ('cpus') but different types are not allowed"),
        ('[{"name":"cpus"}]', "Some JSON resources were not formatted properly"),
        (
            '[{"name":"cpus","type":"SCALAR","scalar":{"value":8},"revocable":{}}]',
            "Revocable resources cannot be specified at the command line; do not include a 'revocable' key in the"
            " resources JSON",
        ),
        (
            '[{"name":"cpus","type":"SCALAR","scalar":{"value":8},"role":"a","reservation":{}}]',
            "Dynamic reservations cannot be specified at the command line; do not include a reservation with DYNAMIC"
            " type in the resources JSON",
        ),
    ],
)
def test_a_flag_is_refused(flag: str, message: str) -> None:
    with pytest.raises(ResourcesError) as caught:
        parse(flag)
    assert str(caught.value).startswith(message)


def test_what_names_no_role_gets_the_default_one() -> None:
    assert set(parse("cpus:1;mem(b):2", "a").reservations()) == {"a", "b"}


# Validity.


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (scalar("", 1), "Empty resource name"),
        ({"name": "cpus", "type": "TEXT"}, "Unsupported resource type"),
        ({"name": "cpus", "type": "SCALAR"}, "Invalid scalar resource"),
        (scalar("cpus", 1, ranges={"range": []}), "Invalid scalar resource"),
        ({"name": "p", "type": "RANGES"}, "Invalid ranges resource"),
        (
            {"name": "p", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 5}, {"begin": 5, "end": 6}]}},
            "Invalid ranges resource: overlapping ranges",
        ),
        (scalar("cpus", 1, disk={}), "DiskInfo should not be set for cpus resource"),
        (scalar("disk", 1, disk={"source": {"type": "UNKNOWN"}}), "Unsupported 'DiskInfo.Source.Type' in 'UNKNOWN'"),
        (
            scalar("disk", 1, disk={"source": {"type": "RAW", "mount": {}}}),
            "Mount should not be set for RAW disk source",
        ),
        (scalar("cpus", 1, role="*", reservation={}), 'Invalid reservation: role "*" cannot be dynamically reserved'),
        (
            scalar("cpus", 1, role="a", reservation={"role": "a"}),
            "'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field",
        ),
        (scalar("cpus", 1, role="a b"), "Role component 'a b' is invalid because it contains backspace or whitespace"),
        (
            scalar("cpus", 1, reservations=[{"role": "a"}]),
            "Invalid reservation: 'Resource.ReservationInfo.type' field must be set.",
        ),
        (
            scalar("cpus", 1, reservations=[{"type": "STATIC", "role": "*"}]),
            'Invalid reservation: role "*" cannot be reserved',
        ),
        (
            scalar("cpus", 1, reservations=[{"type": "STATIC", "role": "a"}, {"type": "STATIC", "role": "a/b"}]),
            "Invalid refined reservation: A refined reservation cannot be STATIC",
        ),
        (
            scalar("cpus", 1, reservations=[{"type": "STATIC", "role": "a"}, {"type": "DYNAMIC", "role": "b"}]),
            "Invalid refined reservation: role 'b' is not a refinement of 'a'",
        ),
        (
            scalar("cpus", 1, role="b", reservations=[{"type": "STATIC", "role": "a"}]),
            "Invalid resource format: 'Resource.role' field with 'b' does not match the role 'a' in"
            " 'Resource.reservations'",
        ),
        (scalar("mem", 1, shared={}), "Resource mem cannot be shared"),
        (scalar("disk", 1, shared={}), "Only persistent volumes can be shared"),
    ],
)
def test_what_is_no_resource_is_refused(entry: dict[str, object], message: str) -> None:
    with pytest.raises(ResourcesError) as caught:
        of(entry)
    assert str(caught.value).endswith(f"is invalid: {message}")


def test_an_infinite_amount_is_refused() -> None:
    endless = Resource(name="cpus", type=Value.Type.SCALAR, scalar=Value.Scalar(float("inf")))
    with pytest.raises(ResourcesError, match="Invalid scalar resource"):
        Resources.of([endless])


@pytest.mark.parametrize(
    ("role", "message"),
    [
        ("*", None),
        ("a/b-c", None),
        ("", "Empty role name is invalid"),
        ("a/", "Role 'a/' cannot end with a slash"),
        ("a//b", "Role 'a//b' cannot contain two adjacent slashes"),
        ("a/..", "Role 'a/..' cannot include '..' as a component"),
        ("a/*", "Role 'a/*' cannot include '*' as a component"),
        ("-a", "Role component '-a' is invalid because it begins with a dash"),
    ],
)
def test_names_of_roles(role: str, message: str | None) -> None:
    if message is None:
        check_role(role)
        return
    with pytest.raises(ResourcesError) as caught:
        check_role(role)
    assert str(caught.value) == message


# Amounts.


@pytest.mark.parametrize(
    ("terms", "total"),
    [((0.1, 0.2), 0.3), ((1.0014, 1.0014), 2.002), ((0.0005,), 0.001), ((0.1,) * 1000, 100.0), ((2.5, 2.5004), 5.0)],
)
def test_scalars_have_three_decimals(terms: tuple[float, ...], total: float) -> None:
    assert sum((of(scalar("cpus", term)) for term in terms), Resources()).scalar("cpus") == total


bounds = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda t: (t[0], t[0] + t[1])), max_size=6)


def points(ranges: Ranges) -> set[int]:
    return {point for begin, end in ranges.bounds for point in range(begin, end + 1)}


@given(bounds, bounds)
def test_ranges_are_sets_of_numbers(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    a, b = Ranges.of(left), Ranges.of(right)
    assert points(a + b) == points(a) | points(b)
    assert points(a - b) == points(a) - points(b)
    assert (a >= b) == (points(a) >= points(b))
    assert len(a) == len(points(a))
    assert a == Ranges.of((point, point) for point in points(a))


some = st.builds(
    lambda cpus, mem, role, ports, zones: parse(
        f"cpus:{cpus / 1000};mem({role}):{mem / 1000};ports:[{','.join(f'{b}-{e}' for b, e in ports)}];"
        f"zones:{{{','.join(zones)}}}"
    ),
    st.integers(0, 10**7),
    st.integers(0, 10**7),
    st.sampled_from("ab"),
    bounds,
    st.sets(st.sampled_from("xyz")),
)


@given(some, some)
def test_a_sum_holds_its_parts_and_gives_them_back(a: Resources, b: Resources) -> None:
    both = a + b
    assert both == b + a
    assert both.contains(a)
    assert both.contains(b)
    assert not b or both - a - b == Resources()
    assert (both - b).quantities() == a.quantities()
    assert a.contains(b) == ((a - b) + b == a)


@given(some)
def test_every_form_reads_back(resources: Resources) -> None:
    for form in Form:
        assert Resources.of(resources.messages(form)) == resources
        assert Resources.of(resources.allocated_to("x").messages(form)).unallocated() == resources


# Kinds.


def test_kinds_do_not_mix() -> None:
    labelled = scalar("cpus", 1, reservations=[{"type": "DYNAMIC", "role": "a", "labels": {"labels": [{"key": "k"}]}}])
    kinds = [
        of(scalar("cpus", 1)),
        of(scalar("cpus", 1, role="a")),
        of(scalar("cpus", 1, role="a", reservation={})),
        of(scalar("cpus", 1, role="a", reservation={"principal": "p"})),
        of(labelled),
        of(scalar("cpus", 1, revocable={})),
        of(scalar("cpus", 1, provider_id={"value": "p"})),
        of(scalar("cpus", 1)).allocated_to("a"),
        of(scalar("cpus", 1)).allocated_to("b"),
    ]
    for i, one in enumerate(kinds):
        for j, other in enumerate(kinds):
            assert one.contains(other) == (i == j)
    assert sum(kinds, Resources()).scalar("cpus") == len(kinds)


@pytest.mark.parametrize(
    ("disk", "whole"),
    [
        ({"persistence": {"id": "x"}}, True),
        ({"source": {"type": "MOUNT", "mount": {"root": "/m"}}}, True),
        ({"source": {"type": "BLOCK"}}, True),
        ({"source": {"type": "RAW", "id": "x"}}, True),
        ({"source": {"type": "RAW"}}, False),
        ({"source": {"type": "PATH", "path": {"root": "/p"}}}, False),
    ],
)
def test_some_disks_cannot_be_split(disk: dict[str, object], whole: bool) -> None:
    large, small = of(scalar("disk", 10, disk=disk)), of(scalar("disk", 4, disk=disk))
    assert large.contains(large)
    assert large.contains(small) != whole
    assert (large - small).scalar("disk") == (10 if whole else 6)
    assert not large - large


def test_shared_volumes_are_counted() -> None:
    one = of(volume(10, shared={}))
    two = one + one
    assert two.contains(one)
    assert not one.contains(two)
    assert two.scalar("disk") == 10
    assert two - one == one
    assert str(two) == "disk(reservations: [(DYNAMIC,db)])[v1:data]<SHARED>:10<2>"


@pytest.mark.parametrize(
    ("entry", "printed"),
    [
        (scalar("cpus", 1.25, revocable={}), "cpus{REV}:1.25"),
        (
            scalar(
                "cpus", 1, role="a", reservation={"principal": "p", "labels": {"labels": [{"key": "k", "value": "v"}]}}
            ),
            "cpus(reservations: [(DYNAMIC,a,p,{k: v})]):1",
        ),
        (
            scalar("disk", 7, disk={"source": {"type": "MOUNT", "mount": {"root": "/m"}}}),
            "disk[MOUNT:/m]:7",
        ),
        (scalar("disk", 7, disk={"source": {"type": "RAW", "id": "i", "profile": "p"}}), "disk[RAW(,i,p)]:7"),
        (
            scalar(
                "disk",
                7,
                disk={"persistence": {"id": "x"}, "volume": {"container_path": "c", "host_path": "h", "mode": "RO"}},
            ),
            "disk[x:h:c:ro]:7",
        ),
    ],
)
def test_resources_are_written_as_mesos_writes_them(entry: dict[str, object], printed: str) -> None:
    assert str(of(entry)) == printed
    assert str(of(entry).allocated_to("r")).startswith(f"{entry['name']}(allocated: r)")


# Forms.


def test_a_reservation_before_and_after_refinement() -> None:
    labels = Labels((Label("k", "v"),))
    old = Resource(
        name="cpus",
        type=Value.Type.SCALAR,
        scalar=Value.Scalar(1.0),
        role="a",
        reservation=Resource.ReservationInfo(principal="p", labels=labels),
    )
    dynamic = Resource.ReservationInfo(
        type=Resource.ReservationInfo.Type.DYNAMIC, role="a", principal="p", labels=labels
    )
    (refined,) = Resources.of([old]).messages()
    assert (refined.role, refined.reservation, refined.reservations) == (None, None, (dynamic,))
    assert Resources.of([refined]).messages(Form.SIMPLE) == (old,)
    (both,) = Resources.of([old]).messages(Form.ENDPOINT)
    assert (both.role, both.reservation, both.reservations) == ("a", old.reservation, (dynamic,))


def test_unreserved_has_the_role_that_mesos_writes() -> None:
    cpus = parse("cpus:1")
    assert [cpus.messages(form)[0].role for form in (Form.REFINED, Form.SIMPLE, Form.ENDPOINT)] == [None, "*", "*"]


def test_a_refined_reservation_has_no_simple_form() -> None:
    stack = [{"type": "STATIC", "role": "a"}, {"type": "DYNAMIC", "role": "a/b"}]
    refined = of(scalar("cpus", 1, reservations=stack))
    (both,) = refined.messages(Form.ENDPOINT)
    assert (both.role, both.reservation, len(both.reservations)) == (None, None, 2)
    with pytest.raises(ResourcesError):
        refined.messages(Form.SIMPLE)


# Parts and sums.


def test_parts() -> None:
    all_of_it = parse("cpus:4;mem(a):5;disk(a/b):6;ports:[1-10]") + of(volume(3))
    assert {role: str(part.unallocated().to_unreserved()) for role, part in all_of_it.reservations().items()} == {
        "a": "mem:5",
        "a/b": "disk:6",
        "db": "disk[v1:data]:3",
    }
    assert all_of_it.reserved("a").names() == ("mem",)
    assert all_of_it.unreserved().names() == ("cpus", "ports")
    assert all_of_it.checkpointed() == all_of_it.persistent_volumes() == of(volume(3))
    assert all_of_it.scalar("disk") == 9
    assert str(all_of_it.ranges("ports")) == "[1-10]"
    assert counts(all_of_it) == {"cpus": 4, "mem": 5, "disk": 9, "ports": 10}


def test_the_summary_of_the_older_endpoints() -> None:
    assert summary(parse("cpus:2;mem:23081;disk:252899;ports:[31000-32000]")) == {
        "disk": 252899.0,
        "mem": 23081.0,
        "gpus": 0.0,
        "cpus": 2.0,
        "ports": "[31000-32000]",
    }
    assert summary(of(scalar("cpus", 1, revocable={})))["cpus_revocable"] == 1.0


# Operations.


def operation(kind: str, **body: object) -> Offer.Operation:
    return decode(Offer.Operation, msgspec.json.encode({"type": kind, kind.lower(): body}))


DYNAMIC = {"role": "db", "reservation": {}}


@pytest.mark.parametrize(
    ("before", "done", "after"),
    [
        (
            "disk:10",
            operation("RESERVE", resources=[scalar("disk", 4, **DYNAMIC)]),
            "disk:6; disk(reservations: [(DYNAMIC,db)]):4",
        ),
        ("disk:10", operation("LAUNCH", task_infos=[]), "disk:10"),
    ],
)
def test_operations_convert(before: str, done: Offer.Operation, after: str) -> None:
    assert str(apply(parse(before), conversions(done))) == after


def test_a_reservation_can_be_refined_and_taken_back() -> None:
    stack = [{"type": "STATIC", "role": "db"}, {"type": "DYNAMIC", "role": "db/x"}]
    refined = scalar("disk", 4, reservations=stack)
    before = parse("disk(db):10")
    after = apply(before, conversions(operation("RESERVE", resources=[refined])))
    assert after == parse("disk(db):6") + of(refined)
    assert apply(after, conversions(operation("UNRESERVE", resources=[refined]))) == before


def test_a_volume_is_made_grown_shrunk_and_destroyed() -> None:
    space = of(scalar("disk", 10, **DYNAMIC))
    made = apply(space, conversions(operation("CREATE", volumes=[volume(4)])))
    assert made == of(scalar("disk", 6, **DYNAMIC), volume(4))
    grown = apply(made, conversions(operation("GROW_VOLUME", volume=volume(4), addition=scalar("disk", 2, **DYNAMIC))))
    assert grown == of(scalar("disk", 4, **DYNAMIC), volume(6))
    shrunk = apply(grown, conversions(operation("SHRINK_VOLUME", volume=volume(6), subtract={"value": 5})))
    assert shrunk == of(scalar("disk", 9, **DYNAMIC), volume(1))
    assert apply(shrunk, conversions(operation("DESTROY", volumes=[volume(1)]))) == space


def test_a_mount_becomes_a_volume_as_a_whole() -> None:
    source = {"source": {"type": "MOUNT", "mount": {"root": "/m"}}}
    mount = scalar("disk", 10, disk=source, **DYNAMIC)
    made = {**mount, "disk": {**source, "persistence": {"id": "x"}}}
    assert apply(of(mount), conversions(operation("CREATE", volumes=[made]))) == of(made)
    half = {**made, "scalar": {"value": 5}}
    with pytest.raises(ResourcesError, match="does not contain"):
        apply(of(mount), conversions(operation("CREATE", volumes=[half])))


def test_a_shared_volume_is_destroyed_with_its_last_copy_only() -> None:
    shared = volume(4, shared={})
    destroy = conversions(operation("DESTROY", volumes=[shared]))
    assert apply(of(shared), destroy) == of(scalar("disk", 4, **DYNAMIC))
    with pytest.raises(ResourcesError, match="cannot be removed due to additional shared copies"):
        apply(of(shared) + of(shared), destroy)


@pytest.mark.parametrize(
    ("done", "message"),
    [
        (operation("RESERVE", resources=[scalar("disk", 1)]), "Invalid RESERVE Operation: Resource must be reserved"),
        (
            operation("RESERVE", resources=[scalar("disk", 1, role="a")]),
            "Invalid RESERVE Operation: Missing 'reservation'",
        ),
        (
            operation("UNRESERVE", resources=[scalar("disk", 1)]),
            "Invalid UNRESERVE Operation: Resource is not reserved",
        ),
        (operation("CREATE", volumes=[scalar("disk", 1)]), "Invalid CREATE Operation: Missing 'disk'"),
        (operation("CREATE", volumes=[scalar("disk", 1, disk={})]), "Invalid CREATE Operation: Missing 'persistence'"),
        (operation("DESTROY", volumes=[scalar("disk", 1)]), "Invalid DESTROY Operation: Missing 'disk'"),
        (
            Offer.Operation(type=Offer.Operation.Type.CREATE_DISK),
            "Invalid CREATE_DISK Operation: Operation not supported",
        ),
    ],
)
def test_malformed_operations_are_refused(done: Offer.Operation, message: str) -> None:
    with pytest.raises(ResourcesError) as caught:
        conversions(done)
    assert str(caught.value) == message


def test_an_operation_on_what_is_not_there_is_refused() -> None:
    with pytest.raises(ResourcesError) as caught:
        apply(parse("disk:3"), conversions(operation("RESERVE", resources=[scalar("disk", 4, **DYNAMIC)])))
    assert str(caught.value) == "disk:3 does not contain disk:4"
