"""The formulas of the panels of `positions`, every symbol named."""

from __future__ import annotations

from unrolled.mathematics import Formula, Symbol

SHUFFLE_FORMULA = Formula(
    r"f(P X) = P f(X)"
    "\n"
    r"\delta_t = \frac{\left|f(P X)_{\pi(t)} - f(X)_t\right|}{\left|f(X)_t\right|}",
    (
        Symbol("X", "the tokens' vectors, one a row", "n × d_model"),
        Symbol("P", "permutation matrix: the rows in another order", "n × n"),
        Symbol("f", "the encoder; without positions and mask the first line holds", "n × d_model → n × d_model"),
        Symbol(r"\pi(t)", "where token t stands after the exchange", "a position"),
        Symbol(r"\delta_t", "how much the output of token t changes", "a share"),
    ),
)
SINUSOIDS_FORMULA = Formula(
    r"PE_{(pos, 2i)} = \sin\left(\frac{pos}{b^{2i/d}}\right) \qquad"
    r" PE_{(pos, 2i+1)} = \cos\left(\frac{pos}{b^{2i/d}}\right)"
    "\n"
    r"\lambda_i = 2 \pi\, b^{2i/d}",
    (
        Symbol("pos", "where the token stands, from 0", "a position"),
        Symbol("i", "which pair of dimensions, from 0", "a count"),
        Symbol("d", "width of the residual stream", "a count"),
        Symbol("b", "the base, 10000 in the paper", "a number"),
        Symbol("PE", "what is added to the embeddings", "positions × d"),
        Symbol(r"\lambda_i", "wavelength of pair i", "positions"),
    ),
)
PAIRS_FORMULA = Formula(
    r"PE_p \cdot PE_q = \sum_{i} \cos\left(\frac{p - q}{b^{2i/d}}\right)"
    "\n"
    r"\left|PE_p - PE_q\right|^2 = d - 2\, PE_p \cdot PE_q",
    (
        Symbol("PE_p", "the row of position p", "d"),
        Symbol("p - q", "how far apart", "positions"),
        Symbol("b", "the base, 10000 in the paper", "a number"),
        Symbol("d", "width; each of its d/2 pairs adds 1 to a row’s product with itself", "a count"),
    ),
)
SHIFT_FORMULA = Formula(
    r"PE_{pos + k} = M_k\, PE_{pos}"
    "\n"
    r"M_k = \operatorname{diag}(R_0, R_1, \ldots) \qquad"
    r" R_i = \begin{pmatrix} \cos k\omega_i & \sin k\omega_i \\ -\sin k\omega_i & \cos k\omega_i \end{pmatrix}",
    (
        Symbol("PE_{pos}", "the row of a position, as a column", "d"),
        Symbol("M_k", "the same matrix for every position", "d × d"),
        Symbol("R_i", "a rotation of one pair", "2 × 2"),
        Symbol(r"\omega_i", "1 / b^(2i/d), the pair’s frequency", "radians a position"),
    ),
)
SCHEMES_FORMULA = Formula(
    r"\mathrm{sinusoids{:}} \quad s_{ij} = \query{W_Q (x + p_i)} \cdot \key{W_K (x' + p_j)} / \sqrt{d}"
    "\n"
    r"\mathrm{RoPE{:}} \quad s_{ij} = \query{R_i q} \cdot \key{R_j k} / \sqrt{d} ="
    r" \query{q} \cdot R_{j-i}\, \key{k} / \sqrt{d}"
    "\n"
    r"\mathrm{ALiBi{:}} \quad s_{ij} = \query{q} \cdot \key{k} / \sqrt{d} - m\,(i - j)",
    (
        Symbol("s_{ij}", "score of the query at position i and the key at position j", "a number"),
        Symbol("x, x'", "the two words’ vectors, the same at all places", "d"),
        Symbol("p_i", "what is added for position i", "d"),
        Symbol("q, k", "W_Q x and W_K x'", "d"),
        Symbol("R_i", "turns each pair by i times its frequency", "d × d"),
        Symbol("m", "slope, another for each head", "a number"),
    ),
)
LOADED_FORMULA = Formula(
    r"c(p, q) = \frac{E_p \cdot E_q}{\left|E_p\right| \left|E_q\right|} \qquad"
    r" r(p, q) = \frac{2}{d} \sum_{i} \cos\left((p - q)\, \omega_i\right)",
    (
        Symbol("c", "similarity of two rows of a table that is added", "a number"),
        Symbol("E_p", "the table’s row of position p", "d_model"),
        Symbol("r", "the same of RoPE: what turning does to a dot product, all pairs alike", "a number"),
        Symbol(r"\omega_i", "radians a position of pair i", "d_head / 2"),
    ),
)
