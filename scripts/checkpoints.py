"""The shipped checkpoints: trained by the shipped recipes, in float16, each with its card.

    make checkpoints                         trains what is not trained yet, and writes src/unrolled/shipped/
    make checkpoints ARGS="gpt lstm"         some of them; a run that was stopped goes on

Every number on a card is measured here, on the file that is shipped.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from typing import Any

import torch

from shipped_log import shipped_log
from unrolled import checkpoints, scoring, translating
from unrolled.checkpoints.cache import file_hash, new_folder
from unrolled.checkpoints.catalogue import ENTRY, SHIPPED
from unrolled.checkpoints.run_folder import (
    CONFIG,
    WEIGHTS,
    read_module,
    read_run_config,
    read_tokenizer,
    write_run_folder,
)
from unrolled.checkpoints.run_log import LOG
from unrolled.errors import UnrolledError
from unrolled.generating import Drawn, Sampling, generating
from unrolled.progress import finish
from unrolled.text import corpus, pairs
from unrolled.training import read_recipe, recipe_of, training
from unrolled.training.reporting import in_tables

TITLES = {
    "rnn": "Elman RNN on English fiction",
    "lstm": "LSTM on English fiction",
    "gru": "GRU on English fiction",
    "gpt": "GPT on English fiction",
    "en-fr": "GRU encoder-decoder with additive attention, English to French",
    "en-fr-bottleneck": "GRU encoder-decoder without attention, English to French",
    "en-fr-transformer": "Transformer of 2017, small, English to French",
}
RECIPES = {"en-fr": "seq2seq", "en-fr-bottleneck": "seq2seq_bottleneck", "en-fr-transformer": "transformer"}
RUNS = Path("build") / "checkpoints"


def train(name: str) -> Path:
    """The finished run of a recipe, begun or gone on with."""
    spec, out = RECIPES.get(name, name), RUNS / name
    recipe = None if out.exists() else recipe_of(read_recipe(spec), spec)
    for event in training(recipe, out, resume=out.exists()):
        print(f"{name}: {event}"[:160], flush=True)
    return out


def ship(name: str, run: Path, shipped: Path = SHIPPED) -> Path:
    """The run's last weights in float16, with tokenizer, log, entry and card, as one folder that appears whole."""
    config, target = read_run_config(run), shipped / name
    if target.exists():
        raise UnrolledError(f"{target} is there already: remove it first if it is to be replaced.")
    weights = read_module(run, config).state_dict()
    with new_folder(target) as folder:
        finish(write_run_folder(folder, config, read_tokenizer(run, config), torch.float16, weights.items()))
        digest = finish(file_hash(folder / WEIGHTS))
        (folder / ENTRY).write_text(entry(name, config.training, digest), encoding="utf-8")
        (folder / LOG).write_text(shipped_log(run), encoding="utf-8")
        (folder / "README.md").write_text(card(name, folder, digest), encoding="utf-8")
        for path in (folder, *folder.iterdir()):  # a run folder is its owner's alone
            path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def entry(name: str, recipe: Any, digest: str) -> str:
    """entry.toml, what `unrolled models list` says."""
    licence = "MPL-2.0" if "pairs" in recipe["text"] else "Apache-2.0"
    source = f"trained by this project: recipe {RECIPES.get(name, name)}, seed {recipe['seed']}"
    return f'title = "{TITLES[name]}"\nlicence = "{licence}"\nsource = "{source}"\nsha256 = "{digest}"\n'


def card(name: str, folder: Path, digest: str) -> str:
    """The model card, measured on what lies in `folder`."""
    model, recipe = checkpoints.open_model(str(folder)), read_run_config(folder).training
    measured = pair_lines(model, recipe) if "pairs" in recipe["text"] else text_lines(model, recipe)
    beyond = model.parameters - in_tables(model.module)
    lines = [
        f"# {TITLES[name]}",
        "",
        f"{model.parameters:,} parameters, {beyond:,} beyond the table that input and output",
        "share. Stored in float16; the numbers below are those of this file, computed in float32.",
        "",
        f"- Recipe: `{RECIPES.get(name, name)}.toml`, all of it in {CONFIG}. Seed {recipe['seed']}.",
        f"- Trained on {recipe['run']['steps']:,} batches with torch {recipe['run']['torch']}.",
        f"- sha256 of {WEIGHTS}: `{digest}`",
        *measured,
        "",
    ]
    return "\n".join(lines)


def text_lines(model: checkpoints.Model, recipe: Any) -> list[str]:
    """Held-out perplexity and bits per byte, and a sample."""
    texts = corpus(recipe["text"]["source"])
    held = {work.split: work.title for work in texts.works if work.split != "train"}
    learnt = recipe["run"]["steps"] * recipe["batch"] * recipe["model"]["context"]
    passes = learnt / recipe["run"]["train_tokens"]
    lines = [
        f"- Data: the package's {texts.name}, {recipe['run']['train_tokens']:,} tokens, read {passes:.1f} times.",
        "",
        "| held out | tokens | nats a token | perplexity | bits a byte | how it was read |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    windows = {"window": recipe["model"]["context"], "stride": recipe["model"]["context"] // 2}
    ways: list[dict[str, Any]] = [windows, {"carry": True}] if "h" in model.probes else [windows]
    for split, way in itertools.product(("validation", "test"), ways):
        lines.append(
            f"| {split}: {held[split]} | {score_cells(finish(scoring.score(model, texts.part(split), **way)))} |"
        )
    sample = written(model, "It was a fine morning, and")
    return [*lines, "", "A sample (temperature 0.7, seed 1), not chosen among several:", "", f"> {sample}"]


def score_cells(found: scoring.Score) -> str:
    """A row of the card's table, after the text's name."""
    span = found.span
    how = "state carried" if span.carried else f"window {span.window}, stride {span.stride}"
    return f"{found.tokens:,} | {found.nats_per_token:.4f} | {found.perplexity:.2f} | {found.bits_per_byte:.4f} | {how}"


def written(model: checkpoints.Model, prompt: str) -> str:
    """80 tokens after the prompt, on one line."""
    parts = generating(model, model.encode(prompt).ids, 80, Sampling(temperature=0.7), seed=1)
    return " ".join((prompt + "".join(part.text for part in parts if isinstance(part, Drawn))).split())


def pair_lines(model: checkpoints.Model, recipe: Any) -> list[str]:
    """BLEU and chrF on the test pairs, and some translations."""
    import sacrebleu

    data = pairs(recipe["text"]["pairs"])
    sources, references = zip(*data.test, strict=True)
    lines = [
        f"- Data: the package's {data.name} pairs, {len(data.train):,} of them, from software help. It knows no other",
        "  domain. What was learnt from is under the MPL-2.0, and so are these weights.",
        "",
        f"| {len(data.test):,} test pairs | BLEU | chrF |",
        "| --- | --- | --- |",
    ]
    found = []
    for beam in (1, 4):
        found = [each.text for each in finish(translating.translating(model, sources, beam=beam))]
        bleu, chrf = sacrebleu.corpus_bleu(found, [references]), sacrebleu.corpus_chrf(found, [references])
        lines.append(f"| {'greedy' if beam == 1 else f'beam of {beam}'} | {bleu.score:.1f} | {chrf.score:.1f} |")
    how = f"sacrebleu {sacrebleu.__version__}, BLEU with tokenizer 13a, chrF2; nothing is put into lower case."
    shown = [f"> {source} → {text}" for source, text in list(zip(sources, found, strict=True))[:5]]
    return [*lines, "", how, "", "The first five of the test pairs:", "", *("\n>\n".join(shown).splitlines())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(TITLES)}; all without")
    for name in parser.parse_args().names or TITLES:
        if name not in TITLES:
            sys.exit(f"There is no checkpoint {name!r}; there are {', '.join(TITLES)}.")
        if not (SHIPPED / name).exists():
            print(f"{ship(name, train(name))} is written.", flush=True)


if __name__ == "__main__":
    try:
        main()
    except UnrolledError as error:
        sys.exit(f"checkpoints: {error}")
