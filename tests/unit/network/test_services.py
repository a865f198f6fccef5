from __future__ import annotations

from drawn_firewalls import POINTS, SERVICES

from beffroi.network.classes import service_classes
from beffroi.network.services import ACK, SYN, Point, ported


def test_two_sets_meet_in_the_services_of_both() -> None:
    for one in SERVICES:
        for other in SERVICES:
            assert [(one & other).holds(it) for it in POINTS] == [one.holds(it) and other.holds(it) for it in POINTS]


def test_the_mirror_of_a_mirror_is_the_set_itself_for_protocols_with_ports_and_no_flags() -> None:
    udp = ported([17], first=((1024, 65535),), second=((53, 53),))
    assert udp.mirrored().mirrored() == udp


def test_an_echo_request_stands_for_its_reply() -> None:
    replies = [services for services in SERVICES if services.holds(Point(1, 0, 0, 0))]
    assert replies
    assert all(services.mirrored().holds(Point(1, 8, 0, 0)) for services in replies)


def test_the_answer_to_a_connection_is_a_syn_and_ack() -> None:
    assert ported([6], first=((22, 22),)).mirrored().holds(Point(6, 50000, 22, SYN))
    assert not ported([6], first=((22, 22),)).mirrored().holds(Point(6, 22, 50000, SYN | ACK))


def test_a_constraint_covers_a_class_of_services_whole_or_not_at_all() -> None:
    classes = service_classes(SERVICES)
    for services, mask in classes.masks.items():
        for number in range(len(classes.cells)):
            assert services.holds(classes.sample(number)) == bool(mask >> number & 1)


def test_a_service_stands_in_the_class_that_the_same_constraints_cover() -> None:
    classes = service_classes(SERVICES)
    for point in POINTS:
        number = classes.class_of(point)
        assert [it.holds(point) for it in SERVICES] == [bool(classes.masks[it] >> number & 1) for it in SERVICES]
