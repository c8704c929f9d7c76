"""Construction of SAM 2 without side effects on Hydra."""

import pytest
from hydra.core.global_hydra import GlobalHydra

from forked import run_forked
from ntt.errors import InputError
from ntt.segmenters.sam2_package import build_sam2

APP = """
import hydra
from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from ntt.segmenters.sam2_package import build_sam2

assert not GlobalHydra.instance().is_initialized()
{before}

@hydra.main(config_path="conf", config_name="mine", version_base="1.3")
def main(cfg):
    own = GlobalHydra.instance().hydra
    build_sam2("sam2.1/sam2.1_hiera_t.yaml", 256, {{}})
    assert GlobalHydra.instance().hydra is own
    assert compose("mine").word == cfg.word == "mine"
    print("done")

main()
"""


@pytest.mark.parametrize("before", ["", "build_sam2('sam2.1/sam2.1_hiera_t.yaml', 256, {})"])
def test_build_inside_a_hydra_app_keeps_its_configuration(tmp_path, before):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "mine.yaml").write_text("word: mine\n")
    (tmp_path / "app.py").write_text(APP.format(before=before))
    result = run_forked(["app.py"], cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "done"


def test_build_leaves_hydra_state_unchanged():
    started = GlobalHydra.instance().is_initialized()
    build_sam2("sam2/sam2_hiera_t.yaml", 256, {})
    assert GlobalHydra.instance().is_initialized() == started


def test_an_unknown_config_and_an_invalid_override_are_rejected():
    with pytest.raises(InputError, match=r"sam3\.yaml: no such file"):
        build_sam2("sam2.1/sam3.yaml", 256, {})
    with pytest.raises(InputError, match=r"segmenter\.overrides do not match") as error:
        build_sam2("sam2.1/sam2.1_hiera_t.yaml", 256, {"image_encoder": {"trunk": {"no_such": 1}}})
    assert "\n" not in str(error.value)


def test_image_size_and_overrides_reach_the_model():
    neck = {"image_encoder": {"neck": {"fpn_interp_model": "bilinear"}}}
    model = build_sam2("sam2.1/sam2.1_hiera_t.yaml", 512, neck)
    assert model.image_size == 512
    assert model.image_encoder.neck.fpn_interp_model == "bilinear"
    assert model.sam_prompt_encoder.image_embedding_size == (32, 32)
