"""The baseline of *No time to train!* (Espinosa et al., arXiv 2507.02798) with automatic masks."""

from __future__ import annotations

from typing import Any

from ntt.models.guide import AUTOMATIC, parts
from ntt.models.prototype_matching import PrototypeMatching


class Sam2MatchingBaseline(PrototypeMatching):
    """Proposals of SAM 2's automatic mask generator, each scored for every class.

    Args:
        *given: arguments of :class:`ntt.models.PrototypeMatching`.
        **named: the same by name, or the keywords of the integration guide: ``sam2_cfg_file``,
            ``sam2_ckpt_path``, ``sam2_amg_cfg``, ``encoder_cfg``, ``encoder_ckpt_path``, ``memory_bank_cfg``.

    Raises:
        InputError: see :func:`ntt.models.guide.parts`.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **parts(AUTOMATIC, named))
