"""Published methods, as far as they differ from the shared prototype matching."""

from __future__ import annotations

from typing import Any

from ntt.compat.guide import AUTOMATIC, GRID, parts
from ntt.models.prototype_matching import PrototypeMatching


class Sam2MatchingBaseline(PrototypeMatching):
    """Proposals of SAM 2's automatic mask generator, each scored for every class.

    Args:
        *given: arguments of :class:`ntt.models.PrototypeMatching`.
        **named: the same by name, or the keywords of the integration guide: ``sam2_cfg_file``,
            ``sam2_ckpt_path``, ``sam2_amg_cfg``, ``encoder_cfg``, ``encoder_ckpt_path``, ``memory_bank_cfg``.

    Raises:
        InputError: see :func:`ntt.compat.guide.parts`.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **parts(AUTOMATIC, named))


class Sam2MatchingBaselineNoAMG(PrototypeMatching):
    """Point-grid proposals of SAM 2, labelled by the nearest class prototype.

    Args:
        *given: arguments of :class:`ntt.models.PrototypeMatching`.
        **named: the same by name, or the keywords of the integration guide: ``sam2_cfg_file``,
            ``sam2_ckpt_path``, ``sam2_infer_cfgs``, ``encoder_cfg``, ``encoder_ckpt_path``,
            ``memory_bank_cfg``.

    Raises:
        InputError: see :func:`ntt.compat.guide.parts`.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **parts(GRID, named))


class Guided(PrototypeMatching):
    """Proposals at points similar to a class, labelled by the nearest class prototype."""


class INSID3(PrototypeMatching):
    """Class regions from clusters of patches (Cuttano et al., arXiv 2603.28480), split into instances.

    See :mod:`ntt.proposals.clusters` for the steps of the paper and :mod:`ntt.matching.splitting` for the
    splitting.
    """
