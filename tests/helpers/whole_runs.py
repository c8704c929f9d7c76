"""Complete runs of ``train.py`` in the test process, without starting a command."""

from pathlib import Path

from hydra import compose, initialize_config_dir
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def whole_run(output, words):
    """Run ``python train.py`` with overrides and few prompts into a run directory; return the metrics."""
    from ntt.commands.train import run_stages
    from ntt.runs.fingerprint import run_fingerprint
    from ntt.runs.run_directory import RunFolder

    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose(
            "train", [*words, f"paths.output={output}", "trainer=cpu", "model.proposals.max_prompts=16"]
        )
    limit = Image.MAX_IMAGE_PIXELS
    try:
        with RunFolder(Path(output), run_fingerprint(cfg), ["train"], resume=True) as folder:
            return run_stages(cfg, folder)
    finally:
        Image.MAX_IMAGE_PIXELS = limit
