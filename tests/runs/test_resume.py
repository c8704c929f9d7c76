import pytest

from ntt.config.composition import CONF
from ntt.errors import InputError
from ntt.runs.resume import command_of, continue_earlier, refuse_named
from ntt.runs.run_directory import RUN_KIND, SWEEP_KIND, write_record

WORDS = ["encoder=dinov2_nano", "image_batch=${seed}"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where a command was cut short; ``paths.runs`` is two folders above."""
    monkeypatch.setenv("PROJECT_ROOT", str(tmp_path))
    return tmp_path / "day" / "time"


def words(folder):
    return [*WORDS, f"paths.runs={folder.parents[1]}"]


@pytest.mark.parametrize(
    ("kind", "flags", "place"), [(RUN_KIND, [], "hydra.run.dir"), (SWEEP_KIND, ["-m"], "hydra.sweep.dir")]
)
def test_the_same_command_goes_on(folder, kind, flags, place):
    typed = [*flags, *words(folder)]
    assert continue_earlier(typed, CONF, "train") == typed, "there is nothing to go on with"
    write_record(folder, kind, command_of(words(folder), "train"))
    assert continue_earlier(typed, CONF, "train") == [*typed, f"{place}='{folder}'"]
    for other in ("seed=1", "resume=false"):
        assert continue_earlier([*typed, other], CONF, "train") == [*typed, other]


@pytest.mark.parametrize("quoted", ["{}", "'{}'", '"{}"'])
def test_a_named_folder_of_somebody_else_is_refused_before_hydra_writes_there(tmp_path, quoted):
    (tmp_path / "metrics.json").touch()
    word = f"hydra.run.dir={quoted.format(tmp_path)}"
    with pytest.raises(InputError, match=r"contains metrics\.json but no run\.json"):
        refuse_named(["encoder=dinov2_nano", word])
    refuse_named(["encoder=dinov2_nano", f"hydra.run.dir={tmp_path}/new", "hydra.run.dir="])


@pytest.mark.parametrize(("kind", "flags"), [(RUN_KIND, ["-m"]), (SWEEP_KIND, [])])
def test_a_run_and_a_sweep_of_the_same_words_have_their_own_folders(folder, kind, flags):
    write_record(folder, kind, command_of(words(folder), "train"))
    typed = [*flags, *words(folder)]
    assert continue_earlier(typed, CONF, "train") == typed


def test_a_finished_run_and_a_complete_sweep_are_left_alone(folder):
    command = command_of(words(folder), "train")
    write_record(folder, RUN_KIND, command)
    (folder / "metrics.json").touch()
    assert continue_earlier(words(folder), CONF, "train") == words(folder)
    sweep = ["-m", *words(folder)]
    write_record(folder, SWEEP_KIND, command)
    assert continue_earlier(sweep, CONF, "train") == [*sweep, f"hydra.sweep.dir='{folder}'"]
    write_record(folder, SWEEP_KIND, command, complete=True)
    assert continue_earlier(sweep, CONF, "train") == sweep


@pytest.mark.parametrize(
    ("kind", "flags", "place"), [(RUN_KIND, [], "hydra.run.dir"), (SWEEP_KIND, ["-m"], "hydra.sweep.dir")]
)
def test_resume_continues_in_the_directory_that_it_names(folder, kind, flags, place):
    write_record(folder, kind, ["train", *WORDS], complete=True)
    expected = [*flags, *WORDS, f"{place}='{folder}'"]
    assert continue_earlier([*flags, f"resume={folder}"], CONF, "train") == expected
    assert continue_earlier([*flags, *WORDS, f"resume='{folder}'"], CONF, "train") == expected


def test_resume_continues_a_run_that_was_begun_with_resume_false(folder):
    write_record(folder, RUN_KIND, ["train", *WORDS, "resume=false"])
    assert continue_earlier([f"resume={folder}"], CONF, "train") == [*WORDS, f"hydra.run.dir='{folder}'"]


def test_resume_refuses_a_directory_of_another_command(folder):
    with pytest.raises(InputError, match="contains no run or sweep; correct the path"):
        continue_earlier([f"resume={folder}"], CONF, "train")
    write_record(folder, RUN_KIND, ["train", *WORDS])
    with pytest.raises(InputError, match="contains a run; remove -m"):
        continue_earlier(["-m", f"resume={folder}"], CONF, "train")
    with pytest.raises(InputError, match="was begun by train encoder=dinov2_nano"):
        continue_earlier(["seed=1", f"resume={folder}"], CONF, "train")
    write_record(folder, SWEEP_KIND, ["train", *WORDS])
    with pytest.raises(InputError, match="contains a sweep; add -m"):
        continue_earlier([f"resume={folder}"], CONF, "train")
