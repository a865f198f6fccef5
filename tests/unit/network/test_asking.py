from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from beffroi.city.loader import load_city
from beffroi.errors import InvalidInput
from beffroi.network.asking import between, flows_of, packet
from beffroi.network.committed import committed
from beffroi.network.journey import journey
from beffroi.network.town import Town, town_of


@cache
def _town() -> Town:
    city = load_city(Path(__file__).parents[3] / "inventory" / "bourg-sur-gave")
    return town_of(city, committed(city))


def test_a_question_of_names_is_asked_in_both_families() -> None:
    shown = [question.packet.show() for question in between(_town(), "air-sensors -> mqtt:8883")]
    assert [text.rpartition(" -> ")[2] for text in shown] == [
        "10.78.20.12:8883 [syn]",
        "[2001:db8:78:14::12]:8883 [syn]",
    ]


def test_a_declared_connection_arrives_and_names_its_flow() -> None:
    town = _town()
    for question in between(town, "air-sensors -> mqtt:8883"):
        assert journey(town, question.packet, question.start).end == "mqtt"
        assert [town.city.flows[index].name for index in flows_of(town, question)] == ["sensors-to-collector"]


def test_an_undeclared_connection_stops_at_the_first_gateway() -> None:
    town = _town()
    for question in between(town, "air-sensors -> db:5432"):
        gone = journey(town, question.packet, question.start)
        assert (gone.end, [leg.device for leg in gone.legs]) == ("", ["core"])


def test_a_packet_is_sent_from_where_its_source_lives() -> None:
    assert packet(_town(), "tcp 10.78.50.200 -> 10.78.20.11:5432").start == "schools"
    assert packet(_town(), "udp 10.78.10.10:123 -> 10.78.10.1:123").start == "bastion"
    assert packet(_town(), "icmp 192.0.2.1 -> 198.51.100.10").start == "internet"


def test_what_a_witness_shows_can_be_asked_again() -> None:
    (question, *_) = between(_town(), "air-sensors -> mqtt:8883")
    assert packet(_town(), question.packet.show()) == question


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sensors",
        "sensors -> db",
        "a -> b:70000",
        "sensors -> nowhere:22",
        "; rm -rf / -> db:22",
        "\x1b[31m -> db:22",
    ],
)
def test_a_question_of_names_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        between(_town(), text)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "tcp",
        "tcp 10.0.0.1 -> 10.0.0.2",
        "tcp 10.0.0.1 -> ::1:22",
        "tcp 10.0.0.999 -> 10.0.0.2:22",
        "tcp fe80::1%eth0 -> ::1:2",
    ],
)
def test_a_packet_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        packet(_town(), text)
