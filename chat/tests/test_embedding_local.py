"""Vectors made on this machine."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from chat.embedding import LocalEmbedder, RemoteEmbedder, embedder

PASSAGES = [
    "Her ferritin was 14 ng/mL, below the reference range.",
    "She should have a repeat colonoscopy in three years.",
    "Alergia: contraste iodado (broncoespasmo em 2015).",
    "El cálculo fue expulsado el 2 de mayo.",
]


@pytest.fixture(scope="module")
def local():
    return LocalEmbedder()


def test_a_question_lies_nearest_to_the_passage_that_answers_it(local):
    vectors = local.embed(PASSAGES)
    asked = ["Is she short of iron?", "When is the next bowel exam?", "Is he allergic to contrast?"]
    cosines = local.embed(asked, asking=True) @ vectors.T
    assert cosines.argmax(axis=1).tolist() == [0, 1, 2]


def test_vectors_have_unit_length_and_the_stated_size(local):
    vectors = local.embed([*PASSAGES, "", " \n"])
    assert vectors.shape == (6, local.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert local.embed([]).shape == (0, local.dimensions)


def test_a_text_has_the_same_vector_alone_and_in_a_batch(local):
    together = local.embed(PASSAGES + PASSAGES[:2])
    assert together[0] == pytest.approx(local.embed(PASSAGES[:1])[0], abs=1e-5)
    assert together[4] == pytest.approx(together[0], abs=1e-5)


def test_hostile_text_is_embedded_and_not_cut_off_or_read_past_its_end(local):
    nul, expanding, lone = "ferritin\x00 colonoscopy", "\ufdfa" * 100, "a\ud800b"
    vectors = local.embed([nul, expanding, lone])
    assert np.isfinite(vectors).all()
    assert vectors[0] == pytest.approx(local.embed(["ferritin  colonoscopy"])[0], abs=1e-5)


def test_threads_share_one_model():
    fresh = LocalEmbedder()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: fresh.embed([text])[0], PASSAGES * 2))
    assert np.array(found) == pytest.approx(fresh.embed(PASSAGES * 2), abs=1e-5)


def test_loading_leaves_the_environment_alone(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    LocalEmbedder().embed(["x"])
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_the_settings_choose_the_embedder(settings_of):
    settings_of(EMBEDDING_URL="", EMBEDDING_MODEL="", EMBEDDING_API_KEY="")
    assert isinstance(embedder(), LocalEmbedder)
    assert embedder() is embedder()
    settings_of(EMBEDDING_URL="http://127.0.0.1:9/v1", EMBEDDING_MODEL="m", EMBEDDING_API_KEY="k")
    assert isinstance(embedder(), RemoteEmbedder)
    assert embedder().name == "m"


@pytest.fixture
def settings_of(monkeypatch):
    """Put settings in place of Django's for the factory alone."""
    from types import SimpleNamespace

    import chat.embedding

    def put(**values):
        monkeypatch.setattr(chat.embedding, "settings", SimpleNamespace(**values))

    return put
