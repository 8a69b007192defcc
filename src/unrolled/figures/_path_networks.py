"""Five ways for one token to reach another, each as a real network, and as a formula that the network has to obey.

Vaswani et al. 2017, §4 and Table 1. All five read from left to right, as a language model does. Weights are random:
which output feels which input is a matter of the wiring.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import torch
from torch import Tensor, nn

from unrolled.models.convolution import CausalConvolution
from unrolled.models.gpt import Attention, GPTConfig, Place
from unrolled.models.rnn import RNNLayer
from unrolled.models.windowed_attention import WindowedAttention
from unrolled.trace import Edges, Step, edges_of

NAMES = ("recurrent", "attention", "convolution", "dilated convolution", "restricted attention")
SEARCHED = 64
"""The longest text in which the paths are searched for in the networks; beyond, the formula says them."""
WIDTH = 8  # of the vectors: enough for every output to feel what it can feel


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What the reader chose."""

    kernel: int
    """Tokens that a convolution's kernel covers."""
    window: int
    """Tokens that restricted attention looks back."""


def length_of(name: str, distance: int, reach: Reach) -> int:
    """Steps between two tokens that stand `distance` apart, by the formula."""
    if distance == 0:
        return 0
    if name == "recurrent":
        return distance
    if name == "attention":
        return 1
    if name == "dilated convolution":
        return next(layers for layers in count(1) if reach.kernel**layers > distance)
    back = reach.kernel - 1 if name == "convolution" else reach.window
    return -(-distance // back)


def path_of(name: str, source: int, target: int, reach: Reach) -> list[int]:
    """Positions after each step, by the formula: every step as far as it goes, the rest in the first."""
    steps = length_of(name, target - source, reach)
    path = [target]
    for layer in range(steps - 1, -1, -1):
        left = path[-1] - source
        if name == "attention":
            jump = left
        elif name == "dilated convolution":
            jump = min(left // reach.kernel**layer, reach.kernel - 1) * reach.kernel**layer
        else:
            jump = min(left, {"recurrent": 1, "convolution": reach.kernel - 1}.get(name, reach.window))
        path.append(path[-1] - jump)
    return path[::-1]


def edges(name: str, n: int, layer: int, reach: Reach) -> Edges:
    """Who feels whom in this layer of the network, found by nudging its inputs. Only dilated layers differ in shape."""
    return _found(name, n, layer if name == "dilated convolution" else 0, reach)


@lru_cache(maxsize=256)
def _found(name: str, n: int, layer: int, reach: Reach) -> Edges:
    found = edges_of(step_of(name, layer, reach), n, WIDTH)
    found.flags.writeable = False
    return found


def step_of(name: str, layer: int, reach: Reach) -> Step:
    """One layer of the network; of the recurrent one, one transition of the state, wherever it stands."""
    makers: dict[str, Callable[[], nn.Module]] = {
        "recurrent": lambda: Transition(WIDTH),
        "attention": lambda: FullAttention(WIDTH),
        "convolution": lambda: CausalConvolution(WIDTH, reach.kernel),
        "dilated convolution": lambda: CausalConvolution(WIDTH, reach.kernel, reach.kernel**layer),
        "restricted attention": lambda: WindowedAttention(WIDTH, reach.window),
    }
    return started(makers[name]())


def started(module: nn.Module) -> nn.Module:
    """In float64, every weight drawn anew with standard deviation 0.5."""
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.double().parameters():
            parameter.normal_(0.0, 0.5, generator=random)
    return module.eval()


class Transition(nn.Module):
    """h_t = tanh(W x_t + U h_{t-1}) at all t at once, from given states: one step of an Elman network, everywhere."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.layer = RNNLayer(d, d, "tanh")

    def forward(self, h: Tensor) -> Tensor:
        """h (batch, n, d), the state after each token -> that state again, made from the one before it."""
        before = torch.cat((torch.zeros_like(h[:, :1]), h[:, :-1]), dim=1)
        tokens = torch.ones_like(h).flatten(0, 1)[:, None]  # what is read does not matter here: (batch × n, 1, d)
        after: Tensor = self.layer(tokens, (before.flatten(0, 1),))[0]
        return after.view_as(h)


class FullAttention(nn.Module):
    """The GPT's causal self-attention, one head, without positions."""

    def __init__(self, d: int) -> None:
        super().__init__()
        config = GPTConfig(
            vocabulary=2,
            context=1024,
            n_layer=1,
            n_head=1,
            n_key_value=1,
            d_model=d,
            d_head=d,
            d_ff=d,
            norm="layernorm",
            positions="none",
            activation="relu",
        )
        self.attn = Attention(config)

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, n, d) -> the same shape."""
        return self.attn(x, Place(), None, 0)  # type: ignore[no-any-return]
