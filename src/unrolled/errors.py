"""Everything that can go wrong and be mended by whoever asked. Each message is one sentence or two: what was
given, what exists, what to do. Every door shows that sentence and nothing else.

    UnrolledError
    ├── BadInput            400   the question itself cannot be answered
    │   ├── EmptyText
    │   ├── TextTooLong     413
    │   ├── UnknownKnob
    │   └── BadKnob               a value of the wrong kind or out of bounds
    ├── NotFound            404
    │   ├── UnknownFigure
    │   ├── UnknownPanel
    │   ├── UnknownChapter
    │   ├── UnknownModel
    │   ├── UnknownRun
    │   └── UnknownClaim
    ├── ModelError          422   the model is there, and cannot be used for this
    │   ├── BadCheckpoint         damaged, hostile, or not what it says it is
    │   ├── UnsupportedModel      an architecture or file type that is not opened
    │   ├── TooLarge              more memory than the machine has
    │   └── ProbeNotFound         a figure needs what this model does not have
    ├── TrainingError       500   a training cannot go on; its last save is whole
    │   ├── Diverged              loss, gradient or weights are no numbers any more
    │   └── SaveFailed            the disk does not take a save
    ├── ExperimentError     500   a result that cannot be used, or a plan that is too long
    │   ├── BadResult             damaged, or not what it says it is
    │   ├── OverBudget            more work than was allowed; says the estimate
    │   ├── NoMemory              more processes than the memory holds; says the estimate
    │   └── WorkersDied           processes were killed again and again
    ├── GetFailed           502   a checkpoint could not be fetched
    ├── MissingExtra        501   an optional package is not installed
    ├── Busy                429   too many questions wait already
    └── PortTaken           500   another program listens there
"""


class UnrolledError(Exception):
    """Base of all. `status` is the HTTP status; the command line always exits with 2."""

    status = 400


class BadInput(UnrolledError):
    """The question itself cannot be answered."""


class EmptyText(BadInput):
    """There is no text to work on."""


class TextTooLong(BadInput):
    """More text than the limit or than the model's context."""

    status = 413


class UnknownKnob(BadInput):
    """A knob that the panel does not have."""


class BadKnob(BadInput):
    """A value of the wrong kind or out of bounds."""


class NotFound(UnrolledError):
    """Something named does not exist."""

    status = 404


class UnknownFigure(NotFound):
    """No figure of that name."""


class UnknownPanel(NotFound):
    """The figure has no panel of that name."""


class UnknownChapter(NotFound):
    """The guide has no chapter of that name."""


class UnknownModel(NotFound):
    """No checkpoint of that name or at that path."""


class UnknownRun(NotFound):
    """No training run of that name or in that folder."""


class UnknownClaim(NotFound):
    """No experiment of that name."""


class ModelError(UnrolledError):
    """The model is there, and cannot be used for this."""

    status = 422


class BadCheckpoint(ModelError):
    """A file that is damaged, hostile, or not what it says it is. Names the file and what is wrong."""


class UnsupportedModel(ModelError):
    """An architecture or file type that is not opened here."""


class TooLarge(ModelError):
    """The model needs more memory than the machine has; says the estimate."""


class ProbeNotFound(ModelError):
    """A figure needs what this model does not have."""


class TrainingError(UnrolledError):
    """A training cannot go on. Its last save is whole."""

    status = 500


class Diverged(TrainingError):
    """Loss, gradient or weights are not finite any more; says at which step, and what to try."""


class SaveFailed(TrainingError):
    """The disk does not take a save; says why and which save is whole."""


class ExperimentError(UnrolledError):
    """An experiment's result cannot be used, or its plan is too long."""

    status = 500


class BadResult(ExperimentError):
    """A result file that is damaged or another's; names the file."""


class OverBudget(ExperimentError):
    """More work than was allowed; says the estimate."""


class NoMemory(ExperimentError):
    """More processes than the memory that is free holds; says the estimate and how many it holds."""


class WorkersDied(ExperimentError):
    """Processes that run cells were killed again and again, so that nothing is finished."""


class GetFailed(UnrolledError):
    """A checkpoint could not be fetched."""

    status = 502


class MissingExtra(UnrolledError):
    """Something needs a package that is not installed; says what to install."""

    status = 501


class Busy(UnrolledError):
    """Too many questions wait already."""

    status = 429
    retry_after = 1  # seconds


class PortTaken(UnrolledError):
    """Another program listens on that port."""

    status = 500
