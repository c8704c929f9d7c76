"""Few-shot instance segmentation with frozen foundation models and no training.

    import ntt

    model = ntt.load()
    model.fit([ntt.Example("one.jpg", "cup", mask="one_mask.png")])
    found = model.predict("photo.jpg")

The public names are imported on first use, because importing torch takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ntt.installation import warn_of_mixed_files

__version__ = "0.1.0"
__all__ = ["Example", "FewShotSegmenter", "InputError", "Segmentation", "VideoSegmentation", "load"]

if TYPE_CHECKING:
    from ntt.api import Example, FewShotSegmenter, Segmentation, VideoSegmentation, load
    from ntt.errors import InputError
else:
    warn_of_mixed_files(__path__[0])

    def __getattr__(name):  # noqa: ANN001, ANN202 - type checkers read the imports above
        """Import a name of ``__all__`` on first use."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("ntt.errors" if name == "InputError" else "ntt.api"), name)
