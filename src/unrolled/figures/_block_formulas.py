"""The formulas of the figure `block`, each symbol with its shape."""

from __future__ import annotations

from unrolled.mathematics import Formula, Symbol

STREAM = Formula(
    r"x_{l+1/2} = x_l + \operatorname{Attention}(\operatorname{norm}(x_l))"
    "\n"
    r"x_{l+1} = x_{l+1/2} + \operatorname{FFN}(\operatorname{norm}(x_{l+1/2}))"
    "\n"
    r"\left|x + w\right|^2 = \left|x\right|^2 + 2\, x \cdot w + \left|w\right|^2"
    "\n"
    r"\left|x_N\right| = \sum_i \frac{w_i \cdot x_N}{\left|x_N\right|}",
    (
        Symbol("x_l", "residual stream of one token before block l", "d_model"),
        Symbol(r"\operatorname{norm}", "LayerNorm or RMSNorm, before each part (pre-norm)", ""),
        Symbol("w_i", "what the i-th writer adds: the embedding, an attention, an FFN", "d_model"),
        Symbol("x_N", "the stream after the last block: the sum of all that was written", "d_model"),
    ),
)
FFN = Formula(
    r"\operatorname{FFN}(x) = f(x W_1 + b_1)\, W_2 + b_2"
    "\n"
    r"\operatorname{SwiGLU}(x) = \left(\operatorname{SiLU}(x W_g) \circ x W_u\right) W_d"
    "\n"
    r"\operatorname{GELU}(z) = z\, \Phi(z), \quad \operatorname{SiLU}(z) = \frac{z}{1 + e^{-z}}, \quad"
    r" \operatorname{ReLU}(z) = \max(0, z)",
    (
        Symbol("x", "normed stream of one token", "d_model"),
        Symbol("W_1, W_g, W_u", "from the stream to the hidden units", "d_model × d_ff"),
        Symbol("W_2, W_d", "from the hidden units back", "d_ff × d_model"),
        Symbol("f", "the non-linearity, one unit at a time", ""),
        Symbol(r"\Phi(z)", "share of a normal distribution that lies below z", "a number"),
        Symbol("d_ff", "hidden units: as a rule 4 d_model, with SwiGLU 8/3 d_model for equal parameters", "a count"),
    ),
)
DEPTH = Formula(
    r"\text{post-norm:} \quad x_{l+1} = \operatorname{norm}\left(x_l + F_l(x_l)\right)"
    "\n"
    r"\text{pre-norm:} \quad x_{l+1} = x_l + F_l(\operatorname{norm}(x_l))"
    "\n"
    r"\frac{\partial L}{\partial x_l} = \frac{\partial L}{\partial x_N} \prod_{k=l}^{N-1} \left(I + \frac{\partial"
    r" F_k(\operatorname{norm}(x_k))}{\partial x_k}\right) \quad \text{(pre-norm)}"
    "\n"
    r"\operatorname{norm}(x) = \frac{x - \bar{x}}{\sigma(x)} \circ g + b",
    (
        Symbol("F_l", "attention or FFN", ""),
        Symbol("x_l", "stream before it", "tokens × d_model"),
        Symbol("I", "the residual: the error comes back unchanged besides what the part makes of it", "identity"),
        Symbol(r"\bar{x}, \sigma(x)", "mean and standard deviation of a token's entries", "a number each"),
        Symbol("g, b", "gain and bias, learned", "d_model"),
        Symbol("N", "blocks", "a count"),
    ),
)
WITHOUT = Formula(
    r"x + F(\operatorname{norm}(x)) \; \to \; x"
    r" \quad \text{(attention, FFN)}"
    "\n"
    r"x + F(\operatorname{norm}(x)) \; \to \; F(\operatorname{norm}(x)) \quad \text{(residuals)}"
    "\n"
    r"x + F(\operatorname{norm}(x)) \; \to \; x + F(x \circ g + b) \quad \text{(norms)}"
    "\n"
    r"L = -\frac{1}{n-1} \sum_{t=2}^{n} \log_2 p(x_t \mid x_1 \ldots x_{t-1})",
    (
        Symbol("F", "attention or FFN of a block", ""),
        Symbol("g, b", "the norm's gain and bias, which stay; RMSNorm has no bias", "d_model"),
        Symbol("L", "loss in bits a token", "a number"),
        Symbol("x_t", "the t-th of the text's n tokens", "a token"),
    ),
)
