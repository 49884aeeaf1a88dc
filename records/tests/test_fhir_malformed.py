"""Whatever stands in a bundle: it is refused with a reason, or read with a report, and soon."""

import copy
import json
import time
from operator import ne

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from records.fhir.parsing import NotFHIR
from records.fhir.printing import as_text
from records.fhir.reading import Reading, read
from records.fhir.writing import write
from records.tests.bundles import RESOURCES, ada

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "\x00", "\ud800", "2020-13-01", "2020-01-01T99:99:99Z", "9999-12-31T23:59:59Z",
         "1000-01-01T00:00:00+14:00", "Patient/ada", "Patient/bob", "#med", "#", "urn:uuid:ada",
         "Practitioner?identifier=|", "x" * 600, "💉", "a\nb", 10**400, 1e300, -1e-300, -0.0]
    ),
)  # fmt: skip
ANYTHING = st.recursive(
    LEAVES,
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3)
    ),
    max_leaves=6,
)


def places(value, path=()):
    """All places in a document, the containers too."""
    found = [path]
    if isinstance(value, dict):
        pairs = value.items()
    else:
        pairs = enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        found += places(below, (*path, key))
    return found


PLACES = [place for place in places(RESOURCES) if len(place) > 1]


def mutated(mutations) -> bytes:
    document = json.loads(ada())
    resources = [entry["resource"] for entry in document["entry"]]
    for place, how, value in mutations:
        holder = resources
        try:
            for key in place[:-1]:
                holder = holder[key]
            if how == "delete":
                del holder[place[-1]]
            elif how == "twice" and isinstance(holder, list):
                holder.append(copy.deepcopy(holder[place[-1]]))
            elif how == "wrap":
                holder[place[-1]] = [holder[place[-1]]]
            else:
                holder[place[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier mutation took the place away
    return json.dumps(document).encode()


def outcome(data: bytes) -> Reading | None:
    started = time.perf_counter()
    try:
        reading = read(data)
    except NotFHIR as refusal:
        assert str(refusal).isprintable()
        return None
    finally:
        assert time.perf_counter() - started < 2
    return reading


MUTATION = st.tuples(
    st.sampled_from(PLACES), st.sampled_from(["set", "set", "delete", "twice", "wrap"]), ANYTHING
)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(MUTATION, min_size=1, max_size=6))
def test_a_mutated_bundle_is_refused_or_reported(mutations):
    reading = outcome(mutated(mutations))
    if reading is None:
        return
    assert json.dumps(reading.loss.as_json())
    assert as_text(reading.loss)
    for chart in reading.charts:
        (again,) = read(write(chart)).charts
        changed = [both for both in zip(chart.facts(), again.facts(), strict=True) if ne(*both)]
        assert not changed, "what is kept is sound enough to be given out and read again"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_or_reported(data):
    outcome(data)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_torn_bundle_is_refused(data):
    whole = ada()
    torn = whole[: data.draw(st.integers(0, len(whole) - 1))]
    assert outcome(torn) is None


def test_many_references_into_one_resource_are_followed_soon():
    contained = [{"resourceType": "Medication", "id": f"m{n}"} for n in range(3000)]
    reasons = [{"reference": f"#m{n}"} for n in range(3000)]
    assert outcome(ada(order={"contained": contained, "reasonReference": reasons})) is not None


def test_many_broken_components_are_passed_over_soon():
    component = [{"valueString": "x"}, {"code": {"text": "y"}}] * 5000
    reading = outcome(ada(pressure={"component": component, "valueString": "z"}))
    assert reading.charts[0].readings[0].components == []
