import gc

import pytest

from beffroi.limits import uncollected, within


def test_nobody_looks_for_cycles_while_judging() -> None:
    with within(seconds=60, mebibytes=4096):
        assert not gc.isenabled()
    assert gc.isenabled()


def test_cycles_are_looked_for_again_after_a_mistake() -> None:
    with pytest.raises(ZeroDivisionError), uncollected():
        1 / 0  # noqa: B018 - any mistake
    assert gc.isenabled()


def test_who_looked_for_none_before_looks_for_none_after() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
