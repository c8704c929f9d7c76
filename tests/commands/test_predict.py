import pytest

from ntt.commands.predict import run
from ntt.config.composition import compose_config
from ntt.errors import InputError


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "set either images="),
        (["images=photos", "video=street.mp4"], "set either images="),
        (["video=absent.mp4"], r"absent\.mp4: video not found; correct the path"),
    ],
)
def test_what_to_segment_is_looked_at_first(tmp_path, words, problem):
    with pytest.raises(InputError, match=problem):
        run(compose_config("predict", ["references=absent", *words, f"paths.output={tmp_path}"]))
