"""Reads pictures of pages with models that come inside the `rapidocr` wheel; nothing is fetched.

Another engine is anything with `read(picture, turned=…) -> Page`.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from records.ocr.characters import tidy
from records.ocr.layout import Piece, arrange
from records.ocr.page import Page, Picture, weighed
from records.ocr.view import View

if TYPE_CHECKING:
    import numpy as np
    from rapidocr import RapidOCR

LANGUAGES = ("en", "pt", "es")
# What the recognition model was trained for (PP-OCRv6, the wheel's default_models.yaml); written
# as ISO 639-1 where the model's own list has another name.
MODEL_LANGUAGES = (
    "af az bs ca cs cy da de en es et eu fi fr ga gl hr hu id is it ja ku la lb lt lv mi ms mt nl "
    "no oc pl pt qu rm ro sk sl sq sv sw tl tr uz vi zh"
)
GOOD = 0.8  # a page read with less is tried again, turned
FAINTEST = 0.5  # a line read with less is a stain, a stamp or a rule, and left out
FINDING_SIDE = 1280  # pixels: lines are found in a picture of this size and read from the full one
SHORTEST_SIDE, WIDEST = 64, 8  # pixels, and times as long as high: what the models can work on
MOST_LINES = 600


class UnknownLanguage(ValueError):
    """A language of the settings that the engine's models cannot read."""


class Engine(Protocol):
    """What reads a picture."""

    def read(self, picture: Picture, *, turned: int = 0) -> Page:
        """Return the page in the picture; `turned` is the rotation to try first, in degrees."""
        ...


def engine_for(languages: Sequence[str] = LANGUAGES) -> Engine:
    """Return this process's engine for the languages, building nothing yet.

    Raises UnknownLanguage. The models (30 MB) are loaded with the first picture; a process that
    was forked gets its own, since their threads do not survive a fork.
    """
    unknown = sorted(set(languages).difference(MODEL_LANGUAGES.split()))
    if unknown or not languages:
        raise UnknownLanguage(", ".join(unknown) or "no language")
    return _local_engine(os.getpid())


@functools.lru_cache(maxsize=1)
def _local_engine(process: int) -> LocalEngine:
    return LocalEngine()


class LocalEngine:
    """RapidOCR with PP-OCRv6 small on one thread. One model reads all the languages it knows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # detection and recognition keep state between their steps

    @functools.cached_property
    def _models(self) -> RapidOCR:
        import rapidocr

        folder = Path(rapidocr.__file__).parent / "models"
        threads = "EngineConfig.onnxruntime"
        return rapidocr.RapidOCR(
            params={
                "Global.log_level": "critical",
                # Its classifier of upside-down lines turns good ones around.
                "Global.use_cls": False,
                "Global.text_score": 0.0,
                "Global.max_side_len": 10_000,
                # Paths, where a missing model is an error; names, where it is a download.
                "Det.model_path": str(folder / "PP-OCRv6_det_small.onnx"),
                "Rec.model_path": str(folder / "PP-OCRv6_rec_small.onnx"),
                "Det.limit_type": "max",
                "Det.limit_side_len": FINDING_SIDE,
                "Det.max_candidates": MOST_LINES,
                # Short lines one by one: batches are padded to the longest, slower and larger.
                "Rec.rec_batch_num": 1,
                "Rec.rec_img_shape": [3, 48, 96],
                f"{threads}.intra_op_num_threads": 1,
                f"{threads}.inter_op_num_threads": 1,
            }
        )

    def read(self, picture: Picture, *, turned: int = 0) -> Page:
        """Return the page, turned upright if it reads better so; an empty one where nothing is."""
        image = _as_array(picture)
        view = self._look(image, turned)
        if view.pieces and view.quality < GOOD:
            turn = self._missing_turn(view)
            if turn:
                other = self._look(image, (turned + turn) % 360)
                view = max(view, other, key=lambda view: view.quality)
        clear = [piece for piece in view.pieces if piece.confidence >= FAINTEST]
        height, width = view.image.shape[:2]
        text, lines = arrange(clear, width=width, height=height)
        return Page(text, lines, weighed(view.pieces), view.rotation)

    def _missing_turn(self, view: View) -> int:
        """Return by how much more a page must be turned, tried on a part of it to spare time."""
        part = view.part()
        best, quality = 0, self._look(part, 0).quality
        # Lines that stand on end say that a quarter turn is missing; level ones, a half turn.
        for turn in (180, 90, 270) if view.level >= 0.5 else (90, 270, 180):
            if quality >= GOOD:
                break
            found = self._look(part, turn).quality
            if found > quality:
                best, quality = turn, found
        return best

    def _look(self, image: np.ndarray, rotation: int) -> View:
        import numpy as np

        upright = np.ascontiguousarray(np.rot90(image, -rotation // 90))
        with self._lock:
            found = self._models(_framed(upright))
        if found.boxes is None or found.txts is None:
            return View(upright, rotation, [])
        pieces = [
            Piece(tidy(text).strip(), float(score), [tuple(map(float, xy)) for xy in corners])
            for text, score, corners in zip(found.txts, found.scores, found.boxes, strict=True)
        ]
        return View(upright, rotation, [piece for piece in pieces if piece.text])


def _as_array(picture: Picture) -> np.ndarray:
    """Return the picture as the models want it: blue, green, red."""
    import numpy as np

    shape = picture.height, picture.width, picture.channels
    pixels = np.frombuffer(picture.pixels, dtype=np.uint8).reshape(shape)
    return pixels[:, :, ::-1] if picture.channels == 3 else np.repeat(pixels, 3, axis=2)


def _framed(image: np.ndarray) -> np.ndarray:
    """Add white paper to the right and below until the models can work on the shape."""
    import numpy as np

    height, width = image.shape[:2]
    tall = max(height, SHORTEST_SIDE, -(-width // WIDEST))
    wide = max(width, SHORTEST_SIDE, -(-height // WIDEST))
    if (tall, wide) == (height, width):
        return image
    paper = np.full((tall, wide, 3), 255, dtype=np.uint8)
    paper[:height, :width] = image
    return paper
