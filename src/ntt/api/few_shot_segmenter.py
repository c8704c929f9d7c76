"""Few-shot segmenter, the object returned by ``ntt.load``."""

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

from ntt.api.examples import Examples, NamedReferences, read_references
from ntt.api.images import Frame, ImageLike, OpenImage, Video, is_single, open_frames, open_image, several
from ntt.api.results import Segmentation, VideoSegmentation
from ntt.calibration.score_threshold import THRESHOLD
from ntt.errors import InputError, did_you_mean
from ntt.io import whole_file
from ntt.memory.files import REFERENCES_FINGERPRINT, read_notes
from ntt.memory.references import batches
from ntt.models import PrototypeMatching
from ntt.structures import Instances, Reference
from ntt.video import Tracker

Parts: TypeAlias = tuple[
    Tensor, Tensor, Tensor, Tensor, tuple[str, ...], NDArray[np.uint8], int | str, Path | None
]
logger = logging.getLogger(__name__)
REFERENCES = "references"  # key of a note in a memory file


@dataclass(frozen=True)
class StoredReference:
    """A reference in the reference memory.

    Attributes:
        id: unique id within a model and its memory file.
        name: class name.
        source: origin of the reference, for messages.
    """

    id: int
    name: str
    source: str


class FewShotSegmenter:
    """Segment objects of the reference classes in images and videos, without training.

    Args:
        model: model of an encoder and a segmenter.
        tracking: creates the tracker of a video; None if no video will be segmented.

    Attributes:
        model: the underlying model, for everything that this class does not provide.
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
        """Class names by label, in the order in which they were added; empty before ``fit``."""
        return self.model.memory.class_names if self._ids else ()

    @property
    def references(self) -> tuple[StoredReference, ...]:
        """References in the memory, in the order in which they were added."""
        names = [self.class_names[label] for label in self.model.memory.labels.tolist()] if self._ids else []
        return tuple(map(StoredReference, self._ids, names, self._sources))

    @property
    def score_threshold(self) -> float:
        """Minimum score of returned instances."""
        return self.model.score_threshold

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.model.device

    def fit(self, references: Examples, images: str | os.PathLike[str] | None = None) -> Self:
        """Replace the reference memory by new references.

        A score threshold of ``auto`` is calibrated on them.

        Args:
            references: :class:`ntt.Example` objects; a folder with images and their masks, boxes or points
                (docs/custom_data.md); or a COCO file.
            images: folder that file names in a COCO file are relative to; None for the folder of the file.

        Raises:
            InputError: there is no reference, an image or file is unreadable, or a mask is empty or differs
                in size from its image; the memory stays unchanged.
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
        """Add references of known or new classes without encoding the existing ones again.

        New classes are appended. A score threshold calibrated by ``auto`` stays unchanged.

        Args:
            references: as for ``fit``.
            images: as for ``fit``.

        Returns:
            Ids of the new references, for ``remove``.

        Raises:
            InputError: as for ``fit``, or there is no memory yet; the memory stays unchanged.
        """
        self._require_memory()
        given = read_references(references, images)
        names = tuple(dict.fromkeys((*self.class_names, *given.class_names)))
        noted = _NotedReferences(_relabelled(given, names))
        self.model.add(noted, names)
        return self._enter(noted.sources)

    def remove(self, what: str | int) -> None:
        """Remove a class or a reference; removing the last reference of a class removes the class.

        The other classes keep their order.

        Args:
            what: class name, or id of a reference (see ``references``).

        Raises:
            InputError: the class or reference is not in the memory.
        """
        self._require_memory()
        kept = [what not in (each.name if isinstance(what, str) else each.id,) for each in self.references]
        if all(kept):
            known = self.class_names if isinstance(what, str) else map(str, self._ids)
            raise InputError(f"{what!r} is not in the reference memory. {did_you_mean(str(what), known)}")
        self.model.memory = self.model.memory.subset(torch.tensor(kept))
        self._ids = [each for each, keep in zip(self._ids, kept, strict=True) if keep]
        self._sources = [each for each, keep in zip(self._sources, kept, strict=True) if keep]

    # Arrays and tensors are iterable, but represent a single image.
    @overload
    def predict(  # type: ignore[overload-overlap]
        self, images: Image.Image | NDArray[np.uint8] | Tensor
    ) -> Segmentation: ...

    # A path may be an image or a folder, which a type checker cannot know.
    @overload
    def predict(
        self,
        images: str | os.PathLike[str],
        batch_size: int = 1,
        on_unreadable: Callable[[ImageLike, InputError], None] | None = None,
    ) -> Any: ...

    @overload
    def predict(
        self,
        images: Iterable[ImageLike],
        batch_size: int = 1,
        on_unreadable: Callable[[ImageLike, InputError], None] | None = None,
    ) -> Iterator[Segmentation]: ...

    def predict(
        self,
        images: ImageLike | Iterable[ImageLike],
        batch_size: int = 1,
        on_unreadable: Callable[[ImageLike, InputError], None] | None = None,
    ) -> Segmentation | Iterator[Segmentation]:
        """Segment the reference classes in images.

        Args:
            images: one image: a path, a PIL image, RGB ``(H, W, 3)`` uint8, RGB ``(3, H, W)`` float in
                [0, 1]. Or several: a folder, a pattern such as ``photos/**/*.jpg``, a list, a generator.
            batch_size: number of images encoded together, if there are several.
            on_unreadable: called with each unreadable image, which is then skipped, if there are several;
                None raises the error.

        Returns:
            The result of one image; or for several an iterator that reads and segments them lazily, in
            order, and holds at most ``batch_size`` of them.

        Raises:
            InputError: the reference memory is empty, there is no image, or an image is unreadable or an
                array of another type or shape.
        """
        self._require_memory()
        if type(batch_size) is not int or batch_size < 1:
            raise InputError(f"batch_size must be an integer of at least 1, got {batch_size!r}")
        if is_single(images):
            opened = open_image(images)  # type: ignore[arg-type] # checked by is_single
            return next(self._segmented([opened]))
        return self._stream(_opened(several(images), on_unreadable), batch_size)

    def predict_video(self, video: Video) -> Iterator[VideoSegmentation]:
        """Segment the reference classes in a video; an object keeps its id in all frames.

        Args:
            video: a file in any format that FFmpeg reads; or frames of one size, in any form in which
                ``predict`` accepts several images.

        Returns:
            An iterator that reads and segments the frames lazily and holds one frame at a time.

        Raises:
            InputError: the reference memory is empty, the file is not a video, or the tracker requires a
                memory of frames for which the segmenter was not trained; during iteration, a frame is
                unreadable or differs in size from the first.
        """
        self._require_memory()
        if self.tracking is None:
            raise InputError("this model was created without tracking; create it with ntt.load")
        return self._follow(open_frames(video), self.tracking(self.model))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the reference memory to a safetensors file; it contains feature vectors, no images.

        Raises:
            InputError: the reference memory is empty.
        """
        self._require_memory()
        notes = self.model.memory.notes
        notes[REFERENCES] = json.dumps(list(zip(self._ids, self._sources, strict=True)))
        with whole_file(Path(path)) as temporary:
            self.model.memory.save(temporary)

    def load_memory(self, path: str | os.PathLike[str]) -> Self:
        """Replace the reference memory by one that ``save``, ``train.py`` or ``predict.py`` wrote.

        A score threshold of ``auto`` takes the calibrated threshold in the file. If there is none, a warning
        is logged and all instances are returned.

        Raises:
            InputError: the file does not exist, is not a memory file, or was created with another encoder,
                weights, image size or crop.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: file not found; correct the path")
        names, notes = read_notes(path)
        threshold = self._read_threshold(path, notes)
        make, encoder = self.model.reference_memory.empty_bank, self.model.encoder
        bank = make(encoder, names, notes.get(REFERENCES_FINGERPRINT, "")).load(path)
        ids, sources = _read_references(path, notes, len(bank))
        # The loaded memory may be changed, so it must not keep the fingerprint of its original references.
        fresh = make(encoder, names, "")
        found_before = {THRESHOLD: notes[THRESHOLD]} if THRESHOLD in notes else {}
        bank.fingerprint, bank.notes = fresh.fingerprint, {**fresh.notes, **found_before}
        self.model.memory, self.model.score_threshold = bank, threshold
        self._ids, self._sources = ids, sources
        self._next_id = max([self._next_id - 1, *ids]) + 1
        return self

    def __repr__(self) -> str:
        model = self.model
        count = f"{len(self._ids)} reference{'' if len(self._ids) == 1 else 's'}"
        held = f"{count} of {', '.join(self.class_names)}" if self._ids else "not fitted"
        return f"<FewShotSegmenter {model.encoder.name} + {model.segmenter.name}, {held}>"

    def _require_memory(self) -> None:
        if not self._ids:
            raise InputError("the reference memory is empty; call fit() with references, or load_memory()")

    def _enter(self, sources: Sequence[str]) -> tuple[int, ...]:
        """Assign ids to the newest references of the memory."""
        ids = tuple(range(self._next_id, self._next_id + len(sources)))
        self._next_id += len(sources)
        self._ids += ids
        self._sources += sources
        return ids

    def _stream(self, opened: Iterator[OpenImage], batch_size: int) -> Iterator[Segmentation]:
        for batch in batches(opened, batch_size):
            yield from self._segmented(batch)

    def _follow(self, frames: Iterator[Frame], tracker: Tracker) -> Iterator[VideoSegmentation]:
        for seconds, each in frames:
            found, ids = tracker.step(each.image)
            yield VideoSegmentation(*self._parts(each, found), ids, seconds)

    def _segmented(self, opened: Sequence[OpenImage]) -> Iterator[Segmentation]:
        results = self.model.segment_all([each.image for each in opened])
        for each, (found, similarity) in zip(opened, results, strict=True):
            yield Segmentation(
                *self._parts(each, found), score_threshold=self.score_threshold, similarity=similarity
            )

    def _parts(self, opened: OpenImage, found: Instances) -> Parts:
        """Return the fields of a ``Segmentation``."""
        parts = found.masks, found.boxes, found.scores, found.labels
        pixels = (opened.image * 255).round().byte().permute(1, 2, 0).cpu().numpy()
        return *parts, self.class_names, pixels, opened.image_id, opened.path

    def _read_threshold(self, path: Path, notes: dict[str, str]) -> float:
        if not self.model.wants_calibration:
            return self.score_threshold
        try:
            return float(notes[THRESHOLD])
        except (KeyError, ValueError):
            logger.warning(
                "%s has no score threshold: all instances are returned; set score_threshold to a number", path
            )
            return 0.0


def _opened(
    images: Iterable[ImageLike], on_unreadable: Callable[[ImageLike, InputError], None] | None
) -> Iterator[OpenImage]:
    for number, image in enumerate(images):
        try:
            found = open_image(image, number)
        except InputError as error:
            if on_unreadable is None:
                raise
            on_unreadable(image, error)
        else:
            yield found


def _relabelled(given: NamedReferences, names: Sequence[str]) -> Iterator[Reference]:
    labels = [names.index(name) for name in given.class_names]
    return (replace(reference, label=labels[reference.label]) for reference in given.references)


class _NotedReferences:
    """References, and the sources of those read in the last iteration."""

    def __init__(self, references: Iterable[Reference]) -> None:
        self.references = references
        self.sources: list[str] = []

    def __iter__(self) -> Iterator[Reference]:
        """Iterate over the references and record their sources."""
        self.sources = []
        for reference in self.references:
            self.sources.append(reference.source)
            yield reference


def _read_references(path: Path, notes: dict[str, str], count: int) -> tuple[list[int], list[str]]:
    """Read the ids and sources of ``count`` references; number them from 0 if the file has none."""
    unknown = json.dumps([(number, "") for number in range(count)])
    try:
        pairs = [(int(number), str(source)) for number, source in json.loads(notes.get(REFERENCES, unknown))]
    except (TypeError, ValueError):
        pairs = []
    if len(pairs) != count:
        raise InputError(
            f"{path}: invalid memory file; its list of references does not match its {count} vectors"
        )
    return [number for number, _ in pairs], [source for _, source in pairs]
