"""The object that ``ntt.load`` returns."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeAlias, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ntt.api.frames import Frame, Video, open_frames
from ntt.api.pictures import OpenPicture, Picture, is_single, open_picture, several
from ntt.api.references import Examples, NamedReferences, read_references
from ntt.api.segmentation import Segmentation
from ntt.api.video_segmentation import VideoSegmentation
from ntt.errors import InputError, did_you_mean
from ntt.files import whole_file
from ntt.memory.files import read_notes
from ntt.memory.references import batches
from ntt.models import PrototypeMatching
from ntt.models.calibration import THRESHOLD
from ntt.structures import Instances, Reference
from ntt.video import Tracker

Parts: TypeAlias = tuple[
    Tensor, Tensor, Tensor, Tensor, tuple[str, ...], NDArray[np.uint8], int | str, Path | None
]
logger = logging.getLogger(__name__)
REFERENCES = "references"  # a note in a file of a memory


@dataclass(frozen=True)
class Remembered:
    """A reference in the memory.

    Attributes:
        id: of its own as long as the model lives, and in its file.
        name: of its class.
        source: where it came from.
    """

    id: int
    name: str
    source: str


class FewShotSegmenter:
    """Finds in pictures what it was shown examples of; nothing is trained.

    Args:
        model: joins an encoder and a segmenter.
        tracking: makes what follows the objects of a video; None where there will be no video.

    Attributes:
        model: with everything that this class does not offer.
    """

    def __init__(
        self, model: PrototypeMatching, tracking: Callable[[PrototypeMatching], Tracker] | None = None
    ) -> None:
        self.model = model
        self.tracking = tracking
        self._ids: list[int] = []
        self._sources: list[str] = []
        self._next_id = 0

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each label, in the order in which the classes came; empty before ``fit``."""
        return self.model.memory.class_names if self._ids else ()

    @property
    def references(self) -> tuple[Remembered, ...]:
        """What is remembered, in the order in which it came."""
        names = [self.class_names[label] for label in self.model.memory.labels.tolist()] if self._ids else []
        return tuple(map(Remembered, self._ids, names, self._sources))

    @property
    def score_threshold(self) -> float:
        """Instances with a lower score are not reported."""
        return self.model.score_threshold

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.device

    def fit(self, references: Examples, images: str | os.PathLike[str] | None = None) -> Self:
        """Remember references in place of what was remembered.

        Where the score threshold is ``auto`` it is found now.

        Args:
            references: :class:`ntt.Example` objects; a folder with pictures and their masks, boxes or points
                (docs/custom_data.md); or a COCO file.
            images: the folder that the names in a COCO file are relative to; None for that of the file.

        Raises:
            InputError: no reference, an unreadable picture or file, a mask that does not fit its picture or
                is empty; what was remembered stays.
        """
        given = read_references(references, images)
        before = self.model.memory, self.model.score_threshold
        noted = _NotedReferences(given.references)
        try:
            self.model.fit(noted, given.class_names)
        except BaseException:
            self.model.memory, self.model.score_threshold = before
            raise
        self._ids, self._sources = [], []
        self._enter(noted.sources)
        return self

    def add(self, references: Examples, images: str | os.PathLike[str] | None = None) -> tuple[int, ...]:
        """Remember more, of known or of new classes; what is remembered already is not encoded again.

        New classes come last. A score threshold that ``auto`` found stays as it is.

        Args:
            references: as for ``fit``.
            images: as for ``fit``.

        Returns:
            Their ids, for ``remove``.

        Raises:
            InputError: as ``fit``; what was remembered stays.
        """
        self._require_memory()
        given = read_references(references, images)
        names = tuple(dict.fromkeys((*self.class_names, *given.class_names)))
        noted = _NotedReferences(_relabelled(given, names))
        self.model.add(noted, names)
        return self._enter(noted.sources)

    def remove(self, what: str | int) -> None:
        """Forget a class or a reference; a class goes with its last reference.

        Other classes keep their order.

        Args:
            what: the name of a class, or the id of a reference (see ``references``).

        Raises:
            InputError: it is not remembered.
        """
        self._require_memory()
        kept = [what not in (each.name if isinstance(what, str) else each.id,) for each in self.references]
        if all(kept):
            known = self.class_names if isinstance(what, str) else map(str, self._ids)
            raise InputError(f"{what!r} is not remembered. {did_you_mean(str(what), known)}")
        self.model.memory = self.model.memory.subset(torch.tensor(kept))
        self._ids = [each for each, keep in zip(self._ids, kept, strict=True) if keep]
        self._sources = [each for each, keep in zip(self._sources, kept, strict=True) if keep]

    # Arrays and tensors could be iterated over, but are one picture.
    @overload
    def predict(  # type: ignore[overload-overlap]
        self, images: Image.Image | NDArray[np.uint8] | Tensor
    ) -> Segmentation: ...

    # A path may be that of a picture or of a folder, which a type checker cannot know.
    @overload
    def predict(
        self,
        images: str | os.PathLike[str],
        batch_size: int = 1,
        on_unreadable: Callable[[Picture, InputError], None] | None = None,
    ) -> Any: ...

    @overload
    def predict(
        self,
        images: Iterable[Picture],
        batch_size: int = 1,
        on_unreadable: Callable[[Picture, InputError], None] | None = None,
    ) -> Iterator[Segmentation]: ...

    def predict(
        self,
        images: Picture | Iterable[Picture],
        batch_size: int = 1,
        on_unreadable: Callable[[Picture, InputError], None] | None = None,
    ) -> Segmentation | Iterator[Segmentation]:
        """Find the remembered classes.

        Args:
            images: one picture: a path, a PIL image, RGB ``(H, W, 3)`` uint8, RGB ``(3, H, W)`` float in
                [0, 1]. Or several: a folder, a pattern like ``photos/**/*.jpg``, a list, a generator.
            batch_size: so many of several pictures are encoded at once.
            on_unreadable: called with each of several pictures that cannot be read, which is then left out;
                None raises the error.

        Returns:
            What was found in the one picture; or of several an iterator, which reads and segments them as it
            is asked, in their order, and holds no more than ``batch_size`` of them.

        Raises:
            InputError: nothing is remembered, there is no picture, one cannot be read or is an array of
                another kind.
        """
        self._require_memory()
        if type(batch_size) is not int or batch_size < 1:
            raise InputError(f"batch_size is {batch_size!r}; make it a whole number, 1 or more")
        if is_single(images):
            picture = open_picture(images)  # type: ignore[arg-type] # as is_single says
            return next(self._segmented([picture]))
        return self._stream(_opened(several(images), on_unreadable), batch_size)

    def predict_video(self, video: Video) -> Iterator[VideoSegmentation]:
        """Find the remembered classes in a video; an object has the same id in all its frames.

        Args:
            video: a file of any format that FFmpeg reads; or frames of one size, in any form that ``predict``
                takes several pictures in.

        Returns:
            An iterator, which reads and segments frame by frame as it is asked, and holds one of them.

        Raises:
            InputError: nothing is remembered, the file is no video, or a segmenter without a trained memory
                of frames was asked to use it; from the iteration too, where a frame cannot be read or has
                another size than the first.
        """
        self._require_memory()
        if self.tracking is None:
            raise InputError("this model was made without tracking; ntt.load makes one with it")
        return self._follow(open_frames(video), self.tracking(self.model))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the memory to a safetensors file: vectors, not pictures.

        Raises:
            InputError: nothing is remembered.
        """
        self._require_memory()
        notes = self.model.memory.notes
        notes[REFERENCES] = json.dumps(list(zip(self._ids, self._sources, strict=True)))
        with whole_file(Path(path)) as temporary:
            self.model.memory.save(temporary)

    def load_memory(self, path: str | os.PathLike[str]) -> Self:
        """Take over a memory that ``save``, ``train.py`` or ``predict.py`` wrote, and forget what was there.

        A score threshold of ``auto`` is the one that was found before; without one, all instances are
        reported and a warning says so.

        Raises:
            InputError: no such file; it is no memory, or was made with another encoder, weights, image size
                or crop.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such file; correct the path")
        names, notes = read_notes(path)
        threshold = self._read_threshold(path, notes)
        make, encoder = self.model.reference_memory.empty_bank, self.model.encoder
        bank = make(encoder, names, notes.get("references_digest", "")).load(path)
        ids, sources = _read_references(path, notes, len(bank))
        fresh = make(encoder, names, "")  # it may change from here on, and is then not that of its references
        found_before = {THRESHOLD: notes[THRESHOLD]} if THRESHOLD in notes else {}
        bank.fingerprint, bank.notes = fresh.fingerprint, {**fresh.notes, **found_before}
        self.model.memory, self.model.score_threshold = bank, threshold
        self._ids, self._sources = ids, sources
        self._next_id = max([self._next_id - 1, *ids]) + 1
        return self

    def __repr__(self) -> str:
        model = self.model
        held = f"{len(self._ids)} references of {', '.join(self.class_names)}" if self._ids else "not fitted"
        return f"<FewShotSegmenter {model.encoder.name} + {model.segmenter.name}, {held}>"

    def _require_memory(self) -> None:
        if not self._ids:
            raise InputError("nothing is remembered yet: call fit() with references, or load_memory()")

    def _enter(self, sources: Sequence[str]) -> tuple[int, ...]:
        """Give the newest references of the memory their ids."""
        ids = tuple(range(self._next_id, self._next_id + len(sources)))
        self._next_id += len(sources)
        self._ids += ids
        self._sources += sources
        return ids

    def _stream(self, pictures: Iterator[OpenPicture], batch_size: int) -> Iterator[Segmentation]:
        for batch in batches(pictures, batch_size):
            yield from self._segmented(batch)

    def _follow(self, frames: Iterator[Frame], tracker: Tracker) -> Iterator[VideoSegmentation]:
        for seconds, picture in frames:
            found, ids = tracker.step(picture.image)
            yield VideoSegmentation(*self._parts(picture, found), ids, seconds)

    def _segmented(self, pictures: Sequence[OpenPicture]) -> Iterator[Segmentation]:
        results = self.model.segment_all([picture.image for picture in pictures])
        for picture, (found, similarity) in zip(pictures, results, strict=True):
            yield Segmentation(*self._parts(picture, found), similarity=similarity)

    def _parts(self, picture: OpenPicture, found: Instances) -> Parts:
        """What a ``Segmentation`` is made of."""
        parts = found.masks, found.boxes, found.scores, found.labels
        pixels = (picture.image * 255).round().byte().permute(1, 2, 0).cpu().numpy()
        return *parts, self.class_names, pixels, picture.image_id, picture.path

    def _read_threshold(self, path: Path, notes: dict[str, str]) -> float:
        if not self.model.wants_calibration:
            return self.score_threshold
        try:
            return float(notes[THRESHOLD])
        except (KeyError, ValueError):
            logger.warning("%s has no score threshold: all instances are reported; give a number", path)
            return 0.0


def _opened(
    pictures: Iterable[Picture], on_unreadable: Callable[[Picture, InputError], None] | None
) -> Iterator[OpenPicture]:
    for number, picture in enumerate(pictures):
        try:
            found = open_picture(picture, number)
        except InputError as error:
            if on_unreadable is None:
                raise
            on_unreadable(picture, error)
        else:
            yield found


def _relabelled(given: NamedReferences, names: Sequence[str]) -> Iterator[Reference]:
    labels = [names.index(name) for name in given.class_names]
    return (replace(reference, label=labels[reference.label]) for reference in given.references)


class _NotedReferences:
    """References, and where those came from that were asked for the last time round."""

    def __init__(self, references: Iterable[Reference]) -> None:
        self.references = references
        self.sources: list[str] = []

    def __iter__(self) -> Iterator[Reference]:
        """Each reference; where its pictures come from files, they are read now."""
        self.sources = []
        for reference in self.references:
            self.sources.append(reference.source)
            yield reference


def _read_references(path: Path, notes: dict[str, str], count: int) -> tuple[list[int], list[str]]:
    """Ids and sources of so many references; counted anew where the file has none."""
    unknown = json.dumps([(number, "") for number in range(count)])
    try:
        pairs = [(int(number), str(source)) for number, source in json.loads(notes.get(REFERENCES, unknown))]
    except (TypeError, ValueError):
        pairs = []
    if len(pairs) != count:
        raise InputError(f"{path}: not a memory bank; what it says of its references does not fit it")
    return [number for number, _ in pairs], [source for _, source in pairs]
