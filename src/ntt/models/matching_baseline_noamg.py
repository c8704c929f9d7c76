"""The grid method of *No time to train!* (Espinosa et al., arXiv 2507.02798)."""

from __future__ import annotations

from typing import Any

from ntt.models.guide import GRID, parts
from ntt.models.prototype_matching import PrototypeMatching


class Sam2MatchingBaselineNoAMG(PrototypeMatching):
    """Point-grid proposals of SAM 2, labelled by the nearest class prototype.

    Args:
        *given: arguments of :class:`ntt.models.PrototypeMatching`.
        **named: the same by name, or the keywords of the integration guide: ``sam2_cfg_file``,
            ``sam2_ckpt_path``, ``sam2_infer_cfgs``, ``encoder_cfg``, ``encoder_ckpt_path``,
            ``memory_bank_cfg``.

    Raises:
        InputError: see :func:`ntt.models.guide.parts`.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **parts(GRID, named))
