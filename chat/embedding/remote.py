"""Vectors from any OpenAI-compatible `/embeddings` service."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from chat.endpoints import Endpoint, EndpointMalformed

BATCH = 64


class RemoteEmbedder:
    """Embeds through a service; `name` is the model's, as the service knows it."""

    def __init__(self, *, url: str, model: str, key: str = "", timeout: float = 30.0) -> None:
        self.name = model
        self._endpoint = Endpoint(url=url, path="embeddings", key=key, timeout=timeout)

    @cached_property
    def dimensions(self) -> int:
        """The length of the model's vectors, asked of the service once."""
        return int(self.embed(["dimensions"]).shape[1])

    def embed(self, texts: Sequence[str], *, asking: bool = False) -> np.ndarray:
        """Return one row of unit length for each text; raises `chat.endpoints.EndpointError`."""
        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        rows = [
            row
            for start in range(0, len(texts), BATCH)
            for row in self._batch(list(texts[start : start + BATCH]))
        ]
        if len({len(row) for row in rows}) != 1:
            raise EndpointMalformed("the embedding service mixed vectors of several lengths")
        vectors = np.asarray(rows, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(vectors).all() or not lengths.all():
            raise EndpointMalformed("the embedding service answered vectors without a direction")
        return vectors / lengths

    def _batch(self, texts: list[str]) -> list[list[float]]:
        # Services refuse empty texts; a space has the meaning of one.
        payload = {"model": self.name, "input": [text or " " for text in texts]}
        answer = self._endpoint.post({**payload, "encoding_format": "float"})
        try:
            rows: dict[int, Any] = {item["index"]: item["embedding"] for item in answer["data"]}
            return [[float(number) for number in rows[index]] for index in range(len(texts))]
        except (KeyError, TypeError, ValueError) as error:
            raise EndpointMalformed(
                "the embedding service did not answer one vector for each text"
            ) from error
