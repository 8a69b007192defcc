"""Few-shot from 0 to 8 examples, and "think step by step", at 135 million parameters.

Brown et al. 2020, §3: examples in the prompt make a model do a task better, without training. Wei et al. 2022, §3,
and Kojima et al. 2022: steps written out before the answer help, in models of some 100 billion parameters. Min et al.
2022: of examples to choose labels by, the labels hardly matter. The rule below was written before the first run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from unrolled.checkpoints import open_model
from unrolled.experiments._claim import Cell, Claim, Found, Outcome, Scale, found_by_seed
from unrolled.experiments._plot import Axis, Plot, Series, bars, over_seeds
from unrolled.experiments._rule import Bound, Rule
from unrolled.experiments._shots import MOST, SHOTS, shown
from unrolled.experiments._statistics import Interval, differences, interval
from unrolled.experiments._word_problems import TOKENS, solved
from unrolled.experiments._word_tasks import TASKS
from unrolled.progress import Progress, Work

MODEL = "smollm2"
ASKED: Mapping[Scale, int] = {"quick": 8, "full": 16}
"""Questions of a task and seed."""
QUICK = ("antonym", "capital", "kind", "sums of digits")
PROBLEMS: Mapping[Scale, int] = {"quick": 4, "full": 16}
WORKED = 4
"""Word problems shown as examples."""
SEEDS_OF_PROBLEMS: Mapping[Scale, int] = {"quick": 1, "full": 3}

RULE = Rule(
    required=(
        Bound(
            measure="examples help",
            means="share answered rightly after 8 examples less that after none, mean over tasks",
            at_least=0.1,
        ),
        Bound(
            measure="likelier",
            means="log-likelihood of the right answer after 8 examples less that after none, in nats a token",
            at_least=0.5,
        ),
        Bound(
            measure="most tasks",
            means="share of tasks that 8 examples help by .05 and more",
            at_least=0.5,
        ),
    ),
    limiting=(
        Bound(
            measure="every task",
            means="the same share; below, there are tasks that examples do not help",
            at_least=0.99,
        ),
        Bound(
            measure="after the first",
            means="share answered rightly after 8 examples less that after one; below, one example says what form an "
            "answer has, and the others add little",
            at_least=0.1,
        ),
        Bound(
            measure="against a sentence",
            means="share answered rightly after 8 examples less that of a chat that asks in words and whose answer is "
            "begun; below, much of what examples bring is the form",
            at_least=0.1,
        ),
        Bound(
            measure="labels",
            means="kinds of words: share answered rightly after 8 examples less that after 8 with random labels; "
            "below, labels hardly matter",
            at_least=0.05,
        ),
        Bound(
            measure="step by step, told",
            means="word problems of two steps: share solved after “Let's think step by step” less that at once; below, "
            "the sentence does not help at this size",
            at_least=0.05,
        ),
        Bound(
            measure="step by step, shown",
            means="the same share after four examples with their steps less that after four with their answers alone; "
            "below, steps in examples do not help at this size",
            at_least=0.05,
        ),
    ),
    controls=(
        Bound(
            measure="exchanged answers",
            means="share answered rightly after 8 examples less that after the same with their answers exchanged",
            at_least=0.05,
        ),
        Bound(
            measure="another task",
            means="share answered rightly after 8 examples of another task less that after none",
            at_most=0.05,
        ),
    ),
)


def plan(scale: Scale, seeds: int) -> list[Cell]:
    """Every task with every draw of examples; word problems with the first draws."""
    names = QUICK if scale == "quick" else tuple(TASKS)
    asked, problems = ASKED[scale], PROBLEMS[scale]
    cells = []
    for seed in range(seeds):
        cells += [_cell(name, {"asked": asked}, seed, 0.3 * asked) for name in names]
        if seed < SEEDS_OF_PROBLEMS[scale]:
            for way in ("at once", "step by step"):
                for n_shown in (0, WORKED):
                    setting = {"way": way, "shown": n_shown, "asked": problems}
                    cells.append(_cell("word problems", setting, seed, (0.15 if way == "at once" else 0.8) * problems))
    return cells


def _cell(family: str, setting: Mapping[str, str | int], seed: int, seconds: float) -> Cell:
    return Cell(claim="few_shot", family=family, setting=setting, seed=seed, seconds=seconds)


def run(cell: Cell, folder: Path) -> Work[Found]:
    """One task after each number of examples, or word problems in one way."""
    model = open_model(MODEL)
    if cell.family == "word problems":
        yield Progress(0, 1, cell.title)
        said = cell.setting
        return solved(model, cell.seed, said["way"] == "step by step", said["shown"], said["asked"])
    return (yield from shown(model, TASKS[cell.family], cell.seed, cell.setting["asked"]))


def measure(outcomes: Sequence[Outcome]) -> Mapping[str, Interval]:
    """One value a draw of examples: means over tasks."""
    seeds = _whole(outcomes)
    found: dict[str, Interval] = {}
    if len(seeds) > 1:
        gains = [[_exact(task, str(MOST)) - _exact(task, "0") for task in of.values()] for of in seeds]
        helped = [sum(gain >= 0.05 for gain in each) / len(each) for each in gains]
        likely = [_mean([_likely(task, str(MOST)) - _likely(task, "0") for task in of.values()]) for of in seeds]

        def beside(name: str) -> Interval:
            return interval([_mean([_exact(t, str(MOST)) - _exact(t, name) for t in of.values()]) for of in seeds])

        found |= {
            "examples help": beside("0"),
            "likelier": interval(likely),
            "most tasks": interval(helped),
            "every task": interval(helped),
            "after the first": beside("1"),
            "against a sentence": beside("sentence"),
            "exchanged answers": beside("exchanged"),
            "another task": interval(
                [_mean([_exact(t, "another task") - _exact(t, "0") for t in of.values()]) for of in seeds]
            ),
        }
    kinds = [of["kind"] for of in _by_seed(outcomes) if "kind" in of]
    if len(kinds) > 1:
        found["labels"] = interval([_exact(each, str(MOST)) - _exact(each, "random") for each in kinds])
    for name, n_shown in (("step by step, told", 0), ("step by step, shown", WORKED)):
        after, before = (_problems(outcomes, way, n_shown) for way in ("step by step", "at once"))
        gained = differences(after, before)
        if len(gained) > 1:
            found[name] = interval(gained)
    return found


def _by_seed(outcomes: Sequence[Outcome]) -> list[dict[str, Found]]:
    """What was found of each task, for every draw of examples."""
    return found_by_seed(each for each in outcomes if each.cell.family != "word problems")


def _whole(outcomes: Sequence[Outcome]) -> list[dict[str, Found]]:
    """The draws with which every task was asked."""
    every = _by_seed(outcomes)
    most = max(map(len, every), default=0)
    return [of for of in every if len(of) == most]


def _problems(outcomes: Sequence[Outcome], way: str, n_shown: int) -> dict[int, float]:
    """Share solved, by seed."""
    return {
        each.cell.seed: float(each.found["exact"])
        for each in outcomes
        if each.cell.family == "word problems"
        and (each.cell.setting["way"], each.cell.setting["shown"]) == (way, n_shown)
    }


def _exact(found: Found, name: str) -> float:
    return float(found[name]["exact"])


def _likely(found: Found, name: str) -> float:
    return float(found[name]["log_likelihood"])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def plots(outcomes: Sequence[Outcome]) -> Sequence[Plot]:
    """Each task after 0 to 8 examples, and word problems."""
    return [plot for plot in (_tasks(outcomes), _steps(outcomes)) if plot.series]


_SERIES = {"0": "no example", "1": "1 example", str(MOST): f"{MOST} examples", "exchanged": "answers exchanged"}


def _tasks(outcomes: Sequence[Outcome]) -> Plot:
    every = _by_seed(outcomes)
    names = [name for name in TASKS if any(name in of for of in every)]

    def series(name: str) -> Series:
        rows = [(float(at), _exact(of[task], name)) for of in every for at, task in enumerate(names) if task in of]
        role = "control" if name == "exchanged" else "measured"
        return Series(name=_SERIES[name], points=over_seeds(rows), role=role)  # type: ignore[arg-type]

    return Plot(
        title="One example lifts most tasks, and seven more lift some of them a little further",
        x=Axis(label="", names=tuple(names)),
        y=Axis(label="answered rightly"),
        series=tuple(map(series, _SERIES)) if names else (),
        kind="bars",
    )


def _steps(outcomes: Sequence[Outcome]) -> Plot:
    def series(way: str) -> Series:
        found = {at: _problems(outcomes, way, n_shown) for at, n_shown in enumerate((0, WORKED))}
        points = [bars(list(shares.values()), at) for at, shares in found.items() if shares]
        return Series(name=way, points=tuple(points))

    return Plot(
        title="Word problems of two steps: answered at once, or after steps that the model writes",
        x=Axis(label="", names=("told so", f"shown in {WORKED} examples")),
        y=Axis(label="solved"),
        series=tuple(each for each in map(series, ("at once", "step by step")) if each.points),
        kind="bars",
    )


CLAIM = Claim(
    name="few_shot",
    number=16,
    says="A few examples in the prompt make a model do a task better, without training; steps that are written out "
    "before the answer help it to reason.",
    source="Brown et al. 2020, §3; Wei et al. 2022, §3; Kojima et al. 2022",
    question="How much do 0 to 8 examples, and “think step by step”, help a model of 135 million parameters?",
    method=(
        "SmolLM2-135M-Instruct and nine tasks with known answers: what to do in a line, examples, a question.",
        f"After {', '.join(map(str, SHOTS))} examples: is each token of the right answer likeliest, and how likely?",
        "Beside them: a chat that asks in words and whose answer is begun, and 8 examples with random labels.",
        f"Word problems of two steps, at once or after {TOKENS} tokens of steps: told so, or shown {WORKED} examples.",
        "Controls: 8 examples with one another's answers, and 8 of another task. Seeds draw examples and questions.",
    ),
    rule=RULE,
    turns="A larger model: Wei et al. see steps help from some 100 billion parameters on. Other words for the "
    "question: a small model hangs on them.",
    plan=plan,
    run=run,
    measure=measure,
    plots=plots,
    seeds={"quick": 3, "full": 5},
    decides=("full",),
)
