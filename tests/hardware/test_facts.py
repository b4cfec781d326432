"""Facts survive being written and read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.hardware.facts import (
    Accelerator,
    Cpu,
    Facts,
    FactsError,
    Library,
    ProbedDevice,
    from_json,
    to_json,
)

_names = st.sampled_from(["", "a", "Größe", "x\ny"])
_cpus = st.builds(Cpu, _names, _names, st.integers(1, 9), st.integers(1, 9), st.frozensets(_names))
_accelerators = st.builds(Accelerator, st.sampled_from(["gpu", "npu"]), _names, _names, _names)
_libraries = st.builds(
    Library,
    _names,
    _names,
    st.lists(st.builds(ProbedDevice, _names, _names, st.booleans(), _names), max_size=2).map(tuple),
    _names,
)
_facts = st.builds(
    Facts,
    _cpus,
    st.integers(0, 1 << 40),
    st.lists(_accelerators, max_size=2).map(tuple),
    st.lists(_libraries, max_size=2).map(tuple),
    _names,
)


@given(_facts)
def test_round_trip(facts: Facts) -> None:
    assert from_json(to_json(facts)) == facts


@pytest.mark.parametrize("text", ["", "{}", "[]", "[" * 100_000, '{"cpu": 1}', '{"cpu": {"features": 1}}'])
def test_what_are_no_facts(text: str) -> None:
    with pytest.raises(FactsError, match="wallflower hardware --json"):
        from_json(text)


def test_a_library_that_was_not_looked_for_is_not_there() -> None:
    facts = Facts(Cpu("", "", 1, 1, frozenset()), 0, (), (), "linux")
    assert facts.library("openvino").problem == "not installed"
    assert facts.library("openvino").usable == ()
