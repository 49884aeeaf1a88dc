"""Vectors from an OpenAI-compatible service."""

import numpy as np
import pytest

from chat.embedding import RemoteEmbedder
from chat.endpoints import (
    Endpoint,
    EndpointMalformed,
    EndpointRefused,
    EndpointUnavailable,
)
from chat.tests.endpoint import serving


def vectors(body):
    rows = [
        {"index": at, "embedding": [float(len(text)), 3.0, 4.0]}
        for at, text in enumerate(body["input"])
    ]
    return {"data": rows[::-1]}


def test_texts_go_in_batches_and_come_back_in_order_with_unit_length():
    texts = [f"passage {'x' * at}" for at in range(150)]
    with serving(vectors) as service:
        embedder = RemoteEmbedder(url=service.url, model="some-model", key="secret")
        found = embedder.embed(texts)
    assert found.shape == (150, 3)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1)
    assert (np.diff(found[:, 0] / found[:, 1]) > 0).all()
    assert [len(sent.body["input"]) for sent in service.sent] == [64, 64, 22]
    first = service.sent[0]
    assert first.path == "/v1/embeddings"
    assert first.headers["Authorization"] == "Bearer secret"
    assert first.body["model"] == "some-model"
    assert first.body["encoding_format"] == "float"


def test_the_whole_address_may_be_given_and_the_size_is_asked_once():
    with serving(vectors) as service:
        embedder = RemoteEmbedder(url=f"{service.url}/embeddings", model="m")
        assert (embedder.dimensions, embedder.dimensions) == (3, 3)
        assert embedder.embed([]).shape == (0, 3)
    assert [sent.path for sent in service.sent] == ["/v1/embeddings"]
    assert "Authorization" not in service.sent[0].headers


def test_an_overloaded_service_is_asked_again():
    replies = [(429, {"Retry-After": "0"}, b""), (503, {"Retry-After": "0"}, b"")]
    with serving(lambda body: replies.pop(0) if replies else vectors(body)) as service:
        assert RemoteEmbedder(url=service.url, model="m").embed(["a"]).shape == (1, 3)
    assert len(service.sent) == 3


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ((503, {"Retry-After": "0"}, b"busy"), EndpointUnavailable),
        ((401, {}, b"no"), EndpointRefused),
        ((404, {}, b"no"), EndpointRefused),
        ((302, {"Location": "http://127.0.0.1:9/"}, b""), EndpointRefused),
        ((200, {}, b"<html>"), EndpointMalformed),
        ((200, {}, b"[1]"), EndpointMalformed),
        ({"data": []}, EndpointMalformed),
        ({"data": [{"index": 0, "embedding": ["x"]}]}, EndpointMalformed),
        ({"data": [{"index": 0, "embedding": [0.0, 0.0]}]}, EndpointMalformed),
        ({"data": [{"index": 0, "embedding": None}]}, EndpointMalformed),
    ],
)
def test_each_failure_has_its_error_and_none_repeats_the_text(reply, error):
    with serving(lambda body: reply) as service:
        embedder = RemoteEmbedder(url=service.url, model="m", key="secret")
        with pytest.raises(error) as raised:
            embedder.embed(["Maria has a secret illness"])
    assert "Maria" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_service_that_is_not_there_or_too_slow_is_unavailable():
    absent = Endpoint(url="http://127.0.0.1:1", path="embeddings", pause=0)
    with pytest.raises(EndpointUnavailable, match="cannot be reached"):
        absent.post({})

    def dawdle(body):
        import time

        time.sleep(0.5)
        return vectors(body)

    with serving(dawdle) as service:
        slow = RemoteEmbedder(url=service.url, model="m", timeout=0.1)
        with pytest.raises(EndpointUnavailable, match="too long"):
            slow.embed(["a"])


@pytest.mark.parametrize("url", ["not an address", "ftp://127.0.0.1/v1", "http://[::bad/v1"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(EndpointRefused):
        RemoteEmbedder(url=url, model="m").embed(["a"])


def test_the_key_is_not_shown():
    assert "secret" not in repr(Endpoint(url="http://127.0.0.1", path="x", key="secret"))
