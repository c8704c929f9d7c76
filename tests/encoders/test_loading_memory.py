"""Peak memory while loading weights."""

import subprocess
import sys
import textwrap

import pytest
from safetensors.torch import save_file
from transformers import DINOv3ViTConfig, DINOv3ViTModel

from ntt.encoders import DINOv3

SCRIPT = """
    import sys
    from ntt.reporting.metrics import peak_rss
    from ntt.encoders import DINOv3

    DINOv3("dinov3_small", weights="random")  # what the libraries take once
    before = peak_rss()
    encoder = DINOv3("dinov3_base", weights=sys.argv[1])
    sum(float(weight.sum()) for weight in encoder.parameters())  # reads what was only mapped
    print(peak_rss() - before)
"""


def timm_file(path):
    save_file(DINOv3("dinov3_base", weights="random").backbone.state_dict(), path)


def transformers_file(path):
    """Store queries, keys and values separately; fusing them needs extra memory."""
    config = DINOv3ViTConfig(
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        num_register_tokens=4,
        key_bias=False,
        layerscale_value=1e-5,
    )
    DINOv3ViTModel(config).save_pretrained(path.parent)
    (path.parent / "model.safetensors").rename(path)


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize("write", [pytest.param(timm_file, marks=pytest.mark.slow), transformers_file])
def test_peak_memory_is_at_most_1_3_times_the_file_size(project_root, write, tmp_path):
    path = tmp_path / "weights.safetensors"
    write(path)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), path],
        cwd=project_root / "scripts",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert 0.5 < int(done.stdout) / path.stat().st_size < 1.3
