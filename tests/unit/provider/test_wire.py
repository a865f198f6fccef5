from __future__ import annotations

import copy

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from beffroi.provider.wire import (
    UNKNOWN,
    Secret,
    has_unknown,
    marshal,
    marshal_struct,
    reveal,
    secret_paths,
    spell,
    unknown_paths,
    unmarshal,
    unmarshal_struct,
)

scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=8), st.just(UNKNOWN))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=4), inner, max_size=3),
        inner.map(Secret),
    ),
    max_leaves=12,
)


@given(values)
def test_a_value_comes_back_as_it_went(value: object) -> None:
    assert unmarshal(marshal(value)) == value


def test_whole_numbers_come_back_as_integers_and_others_do_not() -> None:
    found = unmarshal_struct(marshal_struct({"whole": 3.0, "part": 2.5}))
    assert found == {"whole": 3, "part": 2.5}
    assert isinstance(found["whole"], int)


def test_an_output_value_without_a_value_is_unknown() -> None:
    struct = struct_pb2.Struct()
    struct.update({"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4", "secret": True})
    assert unmarshal(struct_pb2.Value(struct_value=struct)) == Secret(UNKNOWN)


def test_the_null_that_a_struct_may_leave_out_is_none() -> None:
    assert unmarshal(struct_pb2.Value()) is None


def test_what_pulumi_cannot_carry_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot carry a set"):
        marshal({1, 2})


def test_a_secret_never_shows_itself() -> None:
    assert "S3CRET" not in f"{Secret('S3CRET')!r} {[Secret('S3CRET')]}"


def test_unknown_stays_itself_when_copied() -> None:
    assert copy.deepcopy([UNKNOWN])[0] is UNKNOWN


def test_reveal_takes_every_wrapper_off() -> None:
    assert reveal({"a": [Secret({"b": Secret(1)})]}) == {"a": [{"b": 1}]}


def test_paths_lead_into_secrets_lists_and_dictionaries() -> None:
    value = {"a": [1, Secret({"b": UNKNOWN})], "c": UNKNOWN}
    assert list(unknown_paths(value)) == [("a", 1, "b"), ("c",)]
    assert list(secret_paths(value)) == [("a", 1)]
    assert has_unknown(value)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("ramGb",), "ramGb"),
        (("users", 0, "login"), "users[0].login"),
        (("tags", "a.b"), 'tags["a.b"]'),
        ((), ""),
    ],
)
def test_a_path_is_written_as_pulumi_does(path: tuple[str | int, ...], text: str) -> None:
    assert spell(path) == text
