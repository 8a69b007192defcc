"""What bad input, a full disk and lost numbers get: one sentence, exit code 2, and nothing lost."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from small_runs import recipe_file, same, small, stopped, text_file, trained, weights
from unrolled import cli
from unrolled.checkpoints import open_model
from unrolled.errors import BadCheckpoint, BadInput, Diverged, EmptyText, NotFound, SaveFailed, UnrolledError
from unrolled.training import Saved, overridden, read_recipe, recipe_of, saves, shipped, training


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("empty.txt", b"", EmptyText, "is empty"),
        ("blank.txt", b" \n\n ", EmptyText, "is empty"),
        ("tiny.txt", b"Too short.", BadInput, "gives 9 tokens to learn from and 1 to measure on; a window is 16"),
        ("picture.txt", b"\x89PNG\x00\x01" * 100, BadInput, "binary|not UTF-8"),
        ("latin.txt", "café ".encode("latin-1") * 100, BadInput, "not UTF-8"),
        ("missing.txt", None, BadInput, "no file or folder"),
        ("fictoin", None, NotFound, "There is no text “fictoin”; there are fiction"),
    ],
)
def test_bad_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes | None, error: type, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    recipe = small(text_file(tmp_path), f'text.source="{name}"')
    with pytest.raises(error, match=says):
        trained(recipe, tmp_path / "run")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != name) == ["small.toml", "text.txt"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("optimiser.learning_rat=1", "no entry optimiser.learning_rat; there are learning_rate, beta1"),
        ("optimiser.learning_rate=-1.0", "optimiser.learning_rate = -1.0 is not possible: input should be greater"),
        ("optimiser.learning_rate=quick", "optimiser.learning_rate = quick is not possible"),
        ("schedule.kind=linear", "'cosine', 'inverse_square_root' or 'constant'"),
        ("batch=0", "batch = 0 is not possible"),
        ("micro_batch=3", "a batch of 4 does not divide"),
        ("family=lsmt", "no family “lsmt”; there are rnn, lstm, gru, gpt"),
        ("text.pairs=en-fr", "learns from one text: name it with --text"),
        ("family=seq2seq", "seq2seq learns from sentence pairs: name them with --pairs"),
        ("bound.tokens=5", "exactly one of steps, tokens and minutes"),
        ("seed.first=5", "seed is one value"),
        ("batch", "write name=value"),
    ],
)
def test_bad_overrides(tmp_path: Path, change: str, says: str) -> None:
    with pytest.raises(UnrolledError, match=says):
        small(text_file(tmp_path), change)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("model.d_modl=8", "gpt has no entry model.d_modl; it has vocabulary, context"),
        ("model.norm=batchnorm", "model.norm = batchnorm is not possible"),
        ("model.n_key_value=3", "3|heads"),
        ("model.dropout=half", "model.dropout = half is not possible"),
    ],
)
def test_bad_models(tmp_path: Path, change: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        trained(small(text_file(tmp_path), change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_every_shipped_recipe_is_one() -> None:
    assert {"rnn", "lstm", "gru", "gpt", "seq2seq", "transformer"} <= set(shipped())
    for name in shipped():
        assert recipe_of(read_recipe(name), name).family == name.partition("_")[0]
    with pytest.raises(NotFound, match="no recipe “gtp”; there are gpt"):
        read_recipe("gtp")


def test_places_that_are_taken(tmp_path: Path) -> None:
    recipe = small(text_file(tmp_path))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("keep me")
    with pytest.raises(BadInput, match="exists and is no run folder"):
        trained(recipe, tmp_path / "mine")
    assert (tmp_path / "mine" / "notes").read_text() == "keep me"
    with pytest.raises(BadInput, match="is no run folder, so there is nothing to go on with"):
        trained(None, tmp_path / "mine", resume=True)
    stopped(recipe, tmp_path / "run", after=3)
    before = weights(tmp_path / "run")
    with pytest.raises(BadInput, match="--resume goes on with it"):
        trained(recipe, tmp_path / "run")
    assert same(before, weights(tmp_path / "run"))


def test_two_trainings_in_one_folder(tmp_path: Path) -> None:
    first = training(small(text_file(tmp_path)), tmp_path / "run")
    while not isinstance(next(first), Saved):
        pass
    with pytest.raises(BadInput, match="Another training is at work"):
        trained(None, tmp_path / "run", resume=True)
    first.close()
    trained(None, tmp_path / "run", resume=True)


def test_a_changed_recipe_names_the_entry(tmp_path: Path) -> None:
    text = text_file(tmp_path)
    stopped(small(text), tmp_path / "run", after=3)
    with pytest.raises(BadInput, match=r"another recipe: optimiser.learning_rate was 0.01 and is now 0.02"):
        trained(small(text, "optimiser.learning_rate=0.02"), tmp_path / "run", resume=True)
    with pytest.raises(BadInput, match=r"model.norm_epsilon was not given and is now 0.1"):
        trained(small(text, "model.norm_epsilon=0.1"), tmp_path / "run", resume=True)
    trained(small(text), tmp_path / "run", resume=True)  # the same one may be said again


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_folders_that_do_not_go_on(tmp_path: Path) -> None:
    stopped(small(text_file(tmp_path)), tmp_path / "run", after=3)
    for name, old, new, says in (
        ("config.toml", "format = 1", "format = 2", "made by another version of unrolled"),
        ("config.toml", "[training.run]", "[training.ran]", "not made by a training"),
        ("tokenizer.json", '"add_prefix_space":false', '"add_prefix_space": false', "not the tokenizer"),
    ):
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "run", copy)
        replaced(copy / name, old, new)
        with pytest.raises(BadCheckpoint, match=says):
            trained(None, copy, resume=True)
        shutil.rmtree(copy)
    (tmp_path / "run" / "tokens" / "train.bin").unlink()
    with pytest.raises(BadCheckpoint, match=r"train.bin is gone"):
        trained(None, tmp_path / "run", resume=True)


def test_a_loss_that_is_no_number_keeps_the_last_good_save(tmp_path: Path) -> None:
    """A rate of 1e9 blows the weights up within some steps; the last save holds finite ones and opens."""
    recipe = small(text_file(tmp_path), "optimiser.learning_rate=1e9", "bound.steps=500", "schedule.warm_up=0.0")
    with pytest.raises(Diverged, match=r"At step \d+ the (loss|gradient|weights) .*is whole.*learning_rate=2.5e\+08"):
        trained(recipe, tmp_path / "run")
    assert all(bool(tensor.isfinite().all()) for tensor in weights(tmp_path / "run").values())
    open_model(str(tmp_path / "run"))


def test_nan_in_the_weights_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The optimiser's own step breaks a weight, which no loss has seen yet."""
    recipe = small(text_file(tmp_path))
    step = torch.optim.AdamW.step

    def breaking(self: torch.optim.AdamW) -> None:
        step(self)
        if len(saves.saves(tmp_path / "run")) == 1 and saves.saves(tmp_path / "run")[0].name.endswith("3"):
            self.param_groups[0]["params"][0].data[0] = float("nan")

    monkeypatch.setattr(torch.optim.AdamW, "step", breaking)
    with pytest.raises(Diverged, match=r"At step 4 the weights .*the save of step 3"):
        trained(recipe, tmp_path / "run")
    assert [int(path.name) for path in saves.saves(tmp_path / "run")] == [3]
    assert all(bool(tensor.isfinite().all()) for tensor in weights(tmp_path / "run").values())


@pytest.fixture
def no_room() -> Iterator[None]:
    """Puts back how long files may be."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("no_room")
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    recipe = small(text_file(tmp_path))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    def run() -> None:
        for event in training(recipe, tmp_path / "run"):
            if isinstance(event, Saved) and event.step == 5:
                resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, hard))  # bytes: room for the log alone

    with pytest.raises(SaveFailed, match=r"Step 6 cannot be saved .*The save of step 5 is whole: make room, and go on"):
        run()
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert [path.name for path in (tmp_path / "run" / "saves").iterdir()] == ["000000005"]
    trained(None, tmp_path / "run", resume=True)
    trained(recipe, tmp_path / "whole")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "run"))


@pytest.mark.usefixtures("no_room")
def test_no_room_for_a_new_run_leaves_nothing(tmp_path: Path) -> None:
    recipe = small(text_file(tmp_path))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    with pytest.raises(BadInput, match=r"cannot be (made|written)"):
        trained(recipe, tmp_path / "run")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.toml", "text.txt"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--family", "lsmt"], "There is no family “lsmt”"),
        (["--family", "gpt", "--recipe", "lstm"], "is for lstm, and --family says gpt"),
        (["--resume"], "name it with --out"),
        (["--steps", "5", "--tokens", "5"], "exactly one of steps, tokens and minutes"),
        (["--steps", "-5"], "bound.steps = -5 is not possible"),
        (["--set", "model.n_layer"], "write name=value"),
    ],
)
def test_the_command_says_it_in_a_sentence(capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", *words])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_the_command_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several overrides behind one --set; plain lines; the folder opens; --resume with the recipe changed does not."""
    text = text_file(tmp_path)
    words = ["--recipe", str(recipe_file(text)), "--out", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", *words, "--steps", "4", "--set", "optimiser.learning_rate=2e-3", "model.d_ff=24"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "step 4 of 4: held out" in said
    assert "Finished" in said
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", "--out", str(tmp_path / "run"), "--resume", "--set", "model.d_ff=25"])
    assert ended.value.code == 2
    assert "model.d_ff was 24 and is now 25" in capsys.readouterr().err
    assert overridden({"a": {"b": 1}}, ["a.b=2"]) == {"a": {"b": 2}}
