// Written by `python -m unrolled.schema` from the figures' result types. Do not edit.
import type { NdArray } from "./contracts";

/** Where each model looked in the source before it wrote each token; beside it a model that cannot look. */
export interface AlignmentAlignment {
  /** What the encoder read; words that the model does not know whole come in pieces. */
  source_tokens: string[][];
  /** What the decoder wrote, or was made to write: one row of weights each. */
  target_tokens: string[][];
  /** Share of its attention that each source token got before that token was written; rows sum to 1. A model without
    attention has none. */
  weights: NdArray[];
  /** What the model writes by itself for this source; empty where it cannot be asked to. */
  translation: string[];
  /** Whether it came to an end by itself, before the limit of its length. */
  ended: boolean[];
  /** What a model without attention hands from encoder to decoder; empty for one that has it. */
  passes: string[];
  /** What the model learned from, where that is known: of other matters it knows little. */
  domain: string[];
  /** Whether the target was given by the reader. */
  given: boolean;
  /** Layers that look back, in the model that has most. */
  n_layer: number;
  /** Heads a layer, in the model that has most. */
  n_head: number;
}

/** One row of weights with the arithmetic behind it: energies, their softmax, their sum. */
export interface AlignmentStep {
  /** What the encoder read. */
  source_tokens: string[];
  /** The token that was written at this step. */
  written: string;
  /** Which one, counted from 0. */
  step: number;
  /** The source token whose arithmetic is told, counted from 0. */
  source: number;
  /** How many there are. */
  steps: number;
  /** How well the decoder's state fits each source token: what the softmax takes. Empty where the model gives its
    weights only. */
  energies: NdArray;
  /** e to the energy, less the largest one. */
  powers: NdArray;
  /** Each power's share of their sum. */
  weights: NdArray;
  /** The sum behind the energy of the chosen source token. */
  energy: string;
  /** The softmax for the chosen source token, in figures. */
  share: string;
  /** That the row sums to 1. */
  total: string;
  /** Layers that look back. */
  n_layer: number;
  /** Heads a layer. */
  n_head: number;
}

/** Score against the length of the source, recorded on sentences that no model was trained on. */
export interface AlignmentByLength {
  /** Words of the shortest source sentences of a group. */
  shortest: NdArray;
  /** Words of the longest. */
  longest: NdArray;
  /** Sentence pairs in the group. */
  pairs: NdArray;
  /** BLEU or chrF of the group as a whole, 0 to 100; not a number where it was not recorded. */
  score: NdArray[];
  /** Lower end of its 95 % interval, over resampled sentences. */
  low: NdArray[];
  /** Upper end. */
  high: NdArray[];
  /** The same score of all test pairs together. */
  all: number[];
  /** What is to be said of a model's scores: that they are of another version of it, or that there are none. */
  note: string[];
  /** On which pairs, how translated, how scored, when. */
  about: string;
}

/** The parts of a loaded model, and the text's tokens on their way through them. */
export interface ArchitectureModel {
  /** Whose parts. */
  model: string;
  /** The first tokens of the text, which flow through; of a published shape none. */
  read: string[];
  /** The first tokens that a decoder reads besides its encoder; of other models none. */
  target_read: string[];
  /** Parts, as their block calls them. */
  names: string[];
  /** Where they stand in the module tree; the whole model is the empty path. */
  paths: string[];
  /** What each is: "linear, 576 to 1,536". */
  kinds: string[];
  /** embedding, position, norm, query, key, value, attention, mlp, recurrent, head or other. */
  roles: string[];
  /** The list of blocks that a part is in, where several blocks are alike; empty elsewhere. */
  stacks: string[];
  /** Which of these is shown, counted from 0; -1 elsewhere. */
  blocks: NdArray;
  /** How many blocks hold such a part. */
  repeats: NdArray;
  /** What it gives, for n tokens of the text and m of a decoder's. */
  shapes: string[];
  /** Numbers that one such part holds. */
  parameters: NdArray;
  /** The same, worked out. */
  parameters_said: string[];
  /** Floating-point operations in matrix products that one such part takes for one token. */
  operations: NdArray;
  /** The same, worked out. */
  operations_said: string[];
  /** 1: as many for each token; 2: in proportion to the tokens that are looked at; 0: once a text, and not counted. */
  grows: NdArray;
  /** The part to whose result this one's is added, counted from 0; -1: to none. */
  joins: NdArray;
  /** Figures that look into it, as NAME#KEY=VALUE&…, separated by spaces. */
  opens: string[];
  /** Root mean square of the vector that the part gives for each of the first tokens; NaN where it gives none. */
  sizes: NdArray;
  /** Blocks in the longest stack of blocks that are alike. */
  n_blocks: number;
  /** Tokens in the text for which operations and memory are counted. */
  context: number;
  /** Of the whole model. */
  total_parameters: number;
  /** The sum over the parts. */
  total_parameters_said: string;
  /** Floating-point operations for one token, the whole model's. */
  total_operations: number;
  /** The sum over the parts. */
  total_operations_said: string;
  /** Those of them that grow with the text: queries × keys, weights × values. */
  attention_operations: number;
  /** Memory that the weights take. */
  weights_bytes: number;
  /** The same, worked out. */
  weights_said: string;
  /** Memory that is kept of a text of `context` tokens so that the next token need not read it again: keys and values,
    or a state. */
  kept_bytes: number;
  /** The same, worked out. */
  kept_said: string;
  /** What is to be known of the numbers. */
  note: string;
}

/** The parts of a published model, built from its shape alone: no weights are loaded, so the largest costs nothing. */
export interface ArchitecturePublished {
  /** Whose parts. */
  model: string;
  /** The first tokens of the text, which flow through; of a published shape none. */
  read: string[];
  /** The first tokens that a decoder reads besides its encoder; of other models none. */
  target_read: string[];
  /** Parts, as their block calls them. */
  names: string[];
  /** Where they stand in the module tree; the whole model is the empty path. */
  paths: string[];
  /** What each is: "linear, 576 to 1,536". */
  kinds: string[];
  /** embedding, position, norm, query, key, value, attention, mlp, recurrent, head or other. */
  roles: string[];
  /** The list of blocks that a part is in, where several blocks are alike; empty elsewhere. */
  stacks: string[];
  /** Which of these is shown, counted from 0; -1 elsewhere. */
  blocks: NdArray;
  /** How many blocks hold such a part. */
  repeats: NdArray;
  /** What it gives, for n tokens of the text and m of a decoder's. */
  shapes: string[];
  /** Numbers that one such part holds. */
  parameters: NdArray;
  /** The same, worked out. */
  parameters_said: string[];
  /** Floating-point operations in matrix products that one such part takes for one token. */
  operations: NdArray;
  /** The same, worked out. */
  operations_said: string[];
  /** 1: as many for each token; 2: in proportion to the tokens that are looked at; 0: once a text, and not counted. */
  grows: NdArray;
  /** The part to whose result this one's is added, counted from 0; -1: to none. */
  joins: NdArray;
  /** Figures that look into it, as NAME#KEY=VALUE&…, separated by spaces. */
  opens: string[];
  /** Root mean square of the vector that the part gives for each of the first tokens; NaN where it gives none. */
  sizes: NdArray;
  /** Blocks in the longest stack of blocks that are alike. */
  n_blocks: number;
  /** Tokens in the text for which operations and memory are counted. */
  context: number;
  /** Of the whole model. */
  total_parameters: number;
  /** The sum over the parts. */
  total_parameters_said: string;
  /** Floating-point operations for one token, the whole model's. */
  total_operations: number;
  /** The sum over the parts. */
  total_operations_said: string;
  /** Those of them that grow with the text: queries × keys, weights × values. */
  attention_operations: number;
  /** Memory that the weights take. */
  weights_bytes: number;
  /** The same, worked out. */
  weights_said: string;
  /** Memory that is kept of a text of `context` tokens so that the next token need not read it again: keys and values,
    or a state. */
  kept_bytes: number;
  /** The same, worked out. */
  kept_said: string;
  /** What is to be known of the numbers. */
  note: string;
}

/** Published shapes from 2017 on, and the loaded models among them: what of each is where. */
export interface ArchitectureSizes {
  /** The models. */
  names: string[];
  /** What the knob `preset` calls it; empty for a loaded model. */
  keys: string[];
  /** Of publication; 0 for a loaded model. */
  years: NdArray;
  /** Blocks, of an encoder-decoder those of one side. */
  layers: NdArray;
  /** Of a token's vector. */
  widths: NdArray;
  /** Counted on the modules. */
  parameters: NdArray;
  /** Parameters as the source prints them; empty for a loaded model. */
  said: string[];
  /** Paper and table. */
  sources: string[];
  /** Parameters in tables and in a head of its own. */
  embedding: NdArray;
  /** Parameters in attention. */
  attention: NdArray;
  /** Parameters in the layers between, or in recurrent ones. */
  mlp: NdArray;
  /** Other parameters, norms for the most part. */
  rest: NdArray;
  /** Floating-point operations for one token in a text of `context` tokens. */
  operations: NdArray;
  /** Those of them that grow with the text. */
  growing: NdArray;
  /** What is kept of such a text, at 2 bytes a number. */
  kept_bytes: NdArray;
  /** Tokens in the text. */
  context: number;
}

/** Scaled dot-product attention, one step at a time. */
export interface AttentionCalculatorSteps {
  /** One row a token: what enters the head. */
  x: NdArray;
  /** Turns a token into its query: what it asks for. */
  w_query: NdArray;
  /** Turns a token into its key: what it can be found by. */
  w_key: NdArray;
  /** Turns a token into its value: what it hands on. */
  w_value: NdArray;
  /** X times W_Q. */
  query: NdArray;
  /** X times W_K. */
  key: NdArray;
  /** X times W_V. */
  value: NdArray;
  /** Each query (row) times each key (column). */
  scores: NdArray;
  /** Scores over √d_k; the scores themselves with scaling off. */
  scaled: NdArray;
  /** −∞ where a key is later than the query, with the causal mask on. */
  masked: NdArray;
  /** Softmax of each row: how much of each value; rows sum to 1. */
  weights: NdArray;
  /** Weights times values: what leaves the head. */
  output: NdArray;
  /** How each number of the queries came about. */
  query_arithmetic: string[][];
  /** How each number of the keys came about. */
  key_arithmetic: string[][];
  /** How each number of the values came about. */
  value_arithmetic: string[][];
  /** How each score came about. */
  scores_arithmetic: string[][];
  /** How each scaled score came about. */
  scaled_arithmetic: string[][];
  /** Why each score is kept or masked. */
  masked_arithmetic: string[][];
  /** How each weight came about. */
  weights_arithmetic: string[][];
  /** How each number of the output came about. */
  output_arithmetic: string[][];
}

/** The steps in a head of a loaded model, on the reader's own text. */
export interface AttentionCalculatorHead {
  /** The last tokens of the text, as many as are shown. */
  tokens: string[];
  /** Position in the text of the first of them. */
  first: number;
  /** Layers that there are: where the knob `layer` ends. */
  n_layer: number;
  /** Heads a layer: where the knob `head` ends. */
  n_head: number;
  /** Queries, positions applied. */
  query: NdArray;
  /** Keys, positions applied. */
  key: NdArray;
  /** Values. */
  value: NdArray;
  /** Each query (row) times each key (column). */
  scores: NdArray;
  /** Scores times the model's own scaling. */
  scaled: NdArray;
  /** −∞ where a query may not look. */
  masked: NdArray;
  /** The softmax over all keys of the text, of which these columns. */
  weights: NdArray;
  /** Each row's weight on keys before the first shown. */
  elsewhere: NdArray;
  /** What scores are multiplied with: 1/√d_head as a rule. */
  scaling: number;
  /** The arithmetic of the score that was asked for with row and column. */
  sentence: string;
}

/** Why the scores are divided by √d_k: variance and softmax gradient as d_k grows from 4 to 1,024, measured. */
export interface AttentionCalculatorVariance {
  /** Length of queries and keys. */
  d_k: NdArray;
  /** Of q·k. In theory d_k. */
  variance: NdArray;
  /** Standard error of that mean. */
  variance_error: NdArray;
  /** Of q·k/√d_k. In theory 1. */
  scaled_variance: NdArray;
  /** Standard error of that mean. */
  scaled_variance_error: NdArray;
  /** Mean largest softmax weight among the keys, without scaling. */
  largest_weight: NdArray;
  /** The same with scaling. */
  scaled_largest_weight: NdArray;
  /** Mean Frobenius norm of the softmax's Jacobian, ∂weights/∂scores, without scaling. */
  gradient: NdArray;
  /** The same with scaling. */
  scaled_gradient: NdArray;
}

/** How long the residual stream is after each part of each block, and who wrote what into it. */
export interface BlockStream {
  /** The text. */
  tokens: string[];
  /** Characters of the text that each token covers, from and up to. */
  token_spans: NdArray;
  /** Tokens there are. */
  count: number;
  /** The token looked at, counted from 0. */
  token: number;
  /** Who writes, in order: "embedding", "attention 0", "FFN 0" …; "block 0" where its parts are not told apart. */
  writers: string[];
  /** Whether the stream is the plain sum of what was written, with no norm after it. */
  additive: boolean;
  /** Length of what each wrote. */
  written: NdArray;
  /** Length of the stream after it. */
  stream: NdArray;
  /** Cosine of the angle between what it wrote and the stream before it: negative where it takes something back. NaN
    for the embedding. */
  cosine: NdArray;
  /** What it wrote, measured along the last stream; these add up to the last stream's length. NaN, if not additive. */
  along: NdArray;
  /** How the stream's length after it comes about, at the token looked at. */
  arithmetic: string[];
  /** The last stream's length there as the sum of what embedding, attention and FFN wrote along it; empty, if not
    additive. */
  shared: string;
}

/** What enters the non-linearity, what leaves it, how sparse that is layer by layer, and which units write most. */
export interface BlockFeedForward {
  /** The text, as its encoder reads it if it is an encoder-decoder. */
  tokens: string[];
  /** Characters of the text that each token covers, from and up to. */
  token_spans: NdArray;
  /** Tokens there are. */
  count: number;
  /** The token looked at, counted from 0. */
  token: number;
  /** FFNs there are. */
  layers: number;
  /** The one looked at. */
  layer: number;
  /** Width of the stream. */
  d_model: number;
  /** Hidden units of the FFN. */
  d_ff: number;
  /** Weights and biases of one FFN. */
  parameters: number;
  /** The model's non-linearity: ReLU, GELU or SwiGLU. */
  kind: string;
  /** Sums for which the functions are drawn. */
  z: NdArray;
  /** ReLU, GELU, and SiLU, which is the curve of SwiGLU's gate. */
  functions: string[];
  /** Each function of z. */
  curves: NdArray;
  /** Edges of the histogram's bins. */
  edges: NdArray;
  /** Share of the layer's sums in each bin, over all tokens and units. */
  histogram: NdArray;
  /** Share of them beyond the outermost edges. */
  outside: number;
  /** Share of activations that are exactly 0. */
  zero: NdArray;
  /** Share of sums below 0 before the non-linearity. */
  negative: NdArray;
  /** Share of activations of at most `below` times the root mean square of their token's. */
  small: NdArray;
  /** Fewest units, as a share of all, that hold `carry` of the sum of squares; mean over the tokens. */
  carriers: NdArray;
  /** Units of the layer that write most at the token looked at, the largest first. */
  units: NdArray;
  /** What enters the non-linearity in each. */
  sums: NdArray;
  /** What leaves the unit; with SwiGLU, times its second factor. */
  values: NdArray;
  /** Length of what it writes into the stream. */
  writes: NdArray;
  /** How its value and its length come about. */
  arithmetic: string[];
}

/** How long the gradient is at each depth of an untrained stack, with the norm here, there, or nowhere. */
export interface BlockDepth {
  /** post-norm, pre-norm, no norm, no residual (norm before each part). */
  arrangements: string[];
  /** Each stack's loss, in nats; a guess among all 64 tokens alike would have ln 64 = 4.16. */
  loss: NdArray;
  /** Length of dL/dx at the stream: what the first block reads, then what each block leaves. */
  gradient: NdArray;
  /** Length of the gradient by the FFN's second matrix of each block. */
  weights: NdArray;
  /** Root mean square of the stream's entries. */
  stream: NdArray;
  /** 1 - the mean cosine between the streams of two positions: 0 when nothing tells them apart. */
  apart: NdArray;
  /** Weights of one stack. */
  parameters: number;
}

/** What becomes of the text's loss and of the next token when part of some blocks is switched off. */
export interface BlockWithout {
  /** The text. */
  tokens: string[];
  /** Characters of the text that each token covers, from and up to. */
  token_spans: NdArray;
  /** Blocks there are. */
  layers: number;
  /** What is switched off, block by block. */
  off: string[];
  /** Whether the numbers stayed within what the model's arithmetic can hold; if not, what is said after is NaN. */
  finite: boolean;
  /** -log₂ p of each token given those before it, in bits; NaN for the first. */
  surprisal_before: NdArray;
  /** The same with it switched off. */
  surprisal_after: NdArray;
  /** Mean of these, in bits a token. NaN of a single token. */
  loss_before: number;
  /** With it switched off. */
  loss_after: number;
  /** Tokens that are likeliest to come next, before or after. */
  top_strings: string[];
  /** Their probabilities, over the whole vocabulary. */
  before: NdArray;
  /** With it switched off. */
  after: NdArray;
  /** How far the second distribution is from the first, in bits. */
  kl_bits: number;
  /** Length of the stream at the last token: what the first block reads, then what each leaves. */
  stream_before: NdArray;
  /** With it switched off. */
  stream_after: NdArray;
}

/** What the loss becomes when something is switched off in one block alone, for every block. */
export interface BlockEachLayer {
  /** The text. */
  tokens: string[];
  /** Characters of the text that each token covers, from and up to. */
  token_spans: NdArray;
  /** What is switched off: what attention writes, what the FFN writes, its residuals, its norms. */
  kinds: string[];
  /** Mean surprisal with everything on, in bits a token. */
  loss_before: number;
  /** With that switched off in this block alone; NaN where the numbers left what the model's arithmetic can hold. */
  loss: NdArray;
  /** What guessing among the whole vocabulary alike would have, in bits a token. */
  uniform: number;
}

/** Every claim with the verdict that its rule gives, and the number that decided. */
export interface ClaimsVerdicts {
  /** How many there are of each verdict, in a sentence. */
  counted: string;
  /** The claim's number. */
  numbers: NdArray;
  /** Its name, as the command line takes it. */
  names: string[];
  /** The claims. */
  says: string[];
  /** holds, holds with limits, does not hold here, not decided, or not run yet. */
  verdicts: string[];
  /** What decided: the first bound that was not kept; where all are kept, the first that is required. Mean and, over
    seeds, the interval that holds it with 95 % confidence. */
  found: string[];
  /** That bound, in words with its unit. */
  decided_by: string[];
  /** How many were counted. */
  seeds: NdArray;
  /** What it took, in minutes of one core; not a number where it was not run. */
  core_minutes: NdArray;
  /** Whether it was run on this machine; otherwise the result came with the package. */
  own: NdArray;
}

/** One claim: its pictures with their intervals, its bounds, how it was tested, and how to test it again. */
export interface ClaimsClaim {
  /** Among all claims. */
  number: number;
  /** As the command line takes it. */
  name: string;
  /** The claim. */
  says: string;
  /** What the rule makes of it. */
  verdict: string;
  /** Why, in a sentence. */
  why: string;
  /** What one should know before believing it. */
  warnings: string[];
  /** What is measured. */
  question: string;
  /** How, in five lines or fewer. */
  method: string[];
  /** What would change the verdict. */
  turns: string;
  /** Where the claim is made. */
  source: string;
  /** What runs it again. */
  command: string;
  /** Plan, seeds, cells, core-minutes, whose run, machine, versions. */
  took: string;
  /** Whether it was run on this machine. */
  own: boolean;
  /** required, limit, or control. */
  bound_part: string[];
  /** What must be, in words with its unit. */
  bound_says: string[];
  /** What was found, with its interval. */
  bound_found: string[];
  /** Whether the whole interval keeps it: kept, not kept, or not measured. */
  bound_kept: string[];
  /** What a picture shows. */
  plot_title: string[];
  /** lines or bars. */
  plot_kind: string[];
  /** What is along, with its unit. */
  plot_x: string[];
  /** What is measured, with its unit. */
  plot_y: string[];
  /** Whether places along stand logarithmically. */
  plot_x_log: NdArray;
  /** The same of what is measured. */
  plot_y_log: NdArray;
  /** Which picture a named place along belongs to, counted from 0. */
  place_plot: NdArray;
  /** Its name, for 0, 1, 2 … along. */
  place_says: string[];
  /** Which picture a series belongs to, counted from 0. */
  series_plot: NdArray;
  /** What it is. */
  series_name: string[];
  /** measured, control, or theory. */
  series_role: string[];
  /** Which series a point belongs to, counted from 0. */
  point_series: NdArray;
  /** Where it stands along. */
  point_x: NdArray;
  /** What was measured there, the mean over seeds. */
  point_mean: NdArray;
  /** Where its interval begins: 95 %, Student's t over seeds. */
  point_low: NdArray;
  /** Where it ends. */
  point_high: NdArray;
  /** How many values, one a seed. */
  point_n: NdArray;
  /** Which picture a marked value belongs to, counted from 0. */
  mark_plot: NdArray;
  /** The value. */
  mark_y: NdArray;
  /** What it means. */
  mark_says: string[];
}

/** Models from 2017 on, by when they were described and how large they were, each number with its source. */
export interface EmergencePublished {
  /** The models, oldest first, small before large. */
  names: string[];
  /** Sizes of one design share a family. */
  families: string[];
  /** Who trained it. */
  makers: string[];
  /** Month of the document that is cited. */
  dates: string[];
  /** The same in years, the month as a part of the year. */
  year: NdArray;
  /** What it could newly do, for the model that a family is known by. */
  new: string[];
  /** Where that is said. */
  new_source: string[];
  /** Address of that document. */
  new_link: string[];
  /** Which model a number is about, counted from 0. */
  number_model: NdArray;
  /** What was counted or measured. */
  number_what: string[];
  /** The number, in the unit that its text says; not a number where it is not disclosed. */
  number_value: NdArray;
  /** The same in words, with its unit. */
  number_text: string[];
  /** What it means, and how it was measured. */
  number_about: string[];
  /** The document in short. */
  number_cite: string[];
  /** The document: authors, year, title. */
  number_source: string[];
  /** Table or section. */
  number_where: string[];
  /** Address of the document. */
  number_link: string[];
  /** What was read of the document. */
  number_seen: string[];
  /** What may be drawn upwards. */
  measures: string[];
  /** Its unit. */
  units: string[];
  /** What guessing gives, in the unit, where it is a score by choices; not a number otherwise. */
  chance: NdArray;
}

/** Scores of one task at several sizes, as published; and how often one step of an answer would be right. */
export interface EmergenceCurves {
  /** Which task, and how it was asked. */
  title: string;
  /** What is counted. */
  about: string;
  /** Unit of the scores. */
  unit: string;
  /** Whether lower is better. */
  lower: boolean;
  /** Whether an answer counts only if every character of it is right. */
  exact: boolean;
  /** What guessing gives; not a number where that is next to nothing. */
  chance: number;
  /** How many steps an answer is thought to have, all of which must be right. */
  steps: number;
  /** The lines: tasks of one model family, or one task for several. */
  names: string[];
  /** Document, table or section. */
  sources: string[];
  /** Address of the document. */
  links: string[];
  /** What was read of the document. */
  seen: string[];
  /** Which line a point belongs to, counted from 0. */
  point_line: NdArray;
  /** Parameters of the model. */
  size: NdArray;
  /** The published score, in the unit. */
  score: NdArray;
  /** Per cent: how often one step would be right, if all steps were equally hard and independent. Not published but
    computed from the score; not a number where answers are no strings of steps. */
  per_step: NdArray;
  /** How that comes about. */
  arithmetic: string[];
}

/** Abilities by the size at which they were first seen, among the sizes that were tried. */
export interface EmergenceThresholds {
  /** What the models could do from there on, better than by guessing. */
  abilities: string[];
  /** What it took besides size. */
  how: string[];
  /** The family in which it was seen. */
  models: string[];
  /** Size of the smallest model of that family that could. */
  parameters: NdArray;
  /** Operations that its training took. */
  flops: NdArray;
  /** The document. */
  source: string;
  /** Its address. */
  link: string;
  /** What was read of it. */
  seen: string;
}

/** Eight sizes of one small model on a task of their own, by two measures of the same answers; and your own prompt. */
export interface EmergenceMeasured {
  /** The task in a few words. */
  said: string;
  /** Characters of an answer that are measured. */
  asked: number;
  /** Texts that each measurement is a mean of; none of them was learned from. */
  tested: number;
  /** The models by their size, smallest first. */
  sizes: string[];
  /** Of each. */
  parameters: NdArray;
  /** Blocks of each. */
  layers: NdArray;
  /** How many trainings of that size there are, each with other first weights and other texts. */
  seeds: NdArray;
  /** Steps of the training after which it was measured. */
  steps: NdArray;
  /** Characters that had been learned from by then, of all three tasks. */
  tokens: NdArray;
  /** Share of answers that were right in every character, mean over seeds. */
  exact_match: NdArray;
  /** Of the seed with the least. */
  exact_match_low: NdArray;
  /** Of the seed with the most. */
  exact_match_high: NdArray;
  /** Mean ln p of the answer's characters, in nats a character, mean over seeds. */
  log_likelihood: NdArray;
  /** Of the seed with the least. */
  log_likelihood_low: NdArray;
  /** Of the seed with the most. */
  log_likelihood_high: NdArray;
  /** Exact match of a control: one layer alone, as large as the fifth size. */
  wide: number;
  /** The control's log-likelihood, in nats a character. */
  wide_log_likelihood: number;
  /** What each size was given. */
  prompt: string;
  /** The right answer to it. */
  right: string;
  /** What each size wrote: its likeliest character, again and again. */
  written: string[];
  /** Whether that is the right answer. */
  is_right: NdArray;
  /** Characters of the right answer. */
  characters: string[];
  /** ln p that each size gives to them, each after the right ones before it, in nats. */
  character_log_likelihood: NdArray;
  /** Their mean. */
  prompt_log_likelihood: NdArray;
  /** That mean, worked out. */
  arithmetic: string[];
}

/** One gate on every token, unit by unit: where it opens, where it shuts. */
export interface GatesGates {
  /** The text as each model reads it. */
  tokens: string[][];
  /** Its last tokens, which are shown. */
  columns: string[][];
  /** Position in the text of the first of these, from 0. */
  first: number[];
  /** What there is to be seen in at least one of the models. */
  gates: string[];
  /** What is shown of this model: the gate asked for; empty where it has none of that name. */
  shows: string[];
  /** Where it has none: what it has instead. */
  why: string[];
  /** Whether the values may be below 0: candidate, cell and h; a gate's lie between 0 and 1. */
  signed: boolean[];
  /** The gate after its sigmoid, the candidate after its tanh, c or h; unitless. */
  values: NdArray[];
  /** Number of each unit shown, from 0: evenly through all of them, from the largest mean size to the smallest. */
  units: NdArray[];
  /** Mean over all units of the layer and all of these tokens. */
  mean: number[];
  /** Share of them above 0.9. */
  open_share: number[];
  /** Share of them below 0.1; not a number for what is signed. */
  closed_share: number[];
  /** Units that the layer has. */
  n_unit: number[];
  /** Layers that all of the models have: where the knob `layer` ends. */
  n_layer: number;
}

/** What is left at the end of what was in the cell before: the product of the gates that kept it. */
export interface GatesSurvival {
  /** The text as each model reads it. */
  tokens: string[][];
  /** Its last tokens, which are shown. */
  columns: string[][];
  /** Position in the text of the first of these, from 0. */
  first: number[];
  /** The gate whose product is taken: forget, or a GRU's update. */
  gate: string[];
  /** Shares of the units for which the lines stand. */
  quantiles: NdArray;
  /** So much is left at most in that share of the layer's units; 1 at the last token. A share from 0 to 1. */
  left: NdArray[];
  /** Units drawn one by one, from 0: those that keep most of the first token shown, and the one asked for. */
  units: NdArray[];
  /** The same for each of them. */
  left_of_unit: NdArray[];
  /** Tokens until half is left of them, at the unit's mean pace; infinite where nothing is lost. */
  half_life: NdArray[];
  /** Of all units of the layer, in tokens. */
  median_half_life: number[];
  /** The longest of any unit of the layer, in tokens. */
  longest_half_life: number[];
  /** Units that the layer has in all of the models: where the knob `unit` ends. */
  n_unit: number;
  /** Layers that all of the models have: where the knob `layer` ends. */
  n_layer: number;
}

/** The arithmetic of one unit at one token: the sum of each gate, and how they meet. */
export interface GatesUnit {
  /** Whose unit it is. */
  model: string;
  /** The text as this model reads it. */
  tokens: string[];
  /** At which of them, from 0. */
  token: number;
  /** Which unit, from 0. */
  unit: number;
  /** Of which layer, from 0. */
  layer: number;
  /** Layers of the model: where the knob `layer` ends. */
  n_layer: number;
  /** Units of a layer: where the knob `unit` ends. */
  n_unit: number;
  /** Tokens of the text: where the knob `token` ends. */
  n_token: number;
  /** The sums that there are: one for a simple RNN, one a gate otherwise. */
  parts: string[];
  /** The one whose terms are listed. */
  part: string;
  /** Its terms: x[i] is a number that the layer reads, h[i] one of its own from the token before. */
  terms: string[];
  /** Each term, a product or the sum of the products that are not listed. Unitless. */
  term_values: NdArray;
  /** Their sum. */
  total: number;
  /** What stands around the sum: tanh, relu or sigmoid; nothing yet around each of a candidate's two sums. */
  squash: string;
  /** What the gate or the state makes of it. */
  value: number;
  /** What each line works out. */
  names: string[];
  /** The arithmetic from the sums to h. */
  lines: string[];
  /** The unit's h after this token, as the model has it in float32. */
  h: number;
  /** And before it; 0 before the first. */
  h_before: number;
}

/** What is left of an error after k steps, if each multiplies it by the same factor. */
export interface GradientFlowFactor {
  /** k, steps back from the end. */
  steps: NdArray;
  /** factor^k: what is left of the error after k steps. */
  share: NdArray;
  /** Fewest steps after which at most 0.001 is left; infinite when there are none. */
  vanished_after: number;
  /** Fewest steps after which at least 1000 has come of it; infinite when there are none. */
  exploded_after: number;
  /** Steps in which it halves; infinite unless the factor is below 1. */
  half_life: number;
  /** Steps in which it doubles; infinite unless the factor is above 1. */
  doubling: number;
}

/** How long the gradient of the last position's loss is at every earlier step, in up to four models. */
export interface GradientFlowNetwork {
  /** What the model read. */
  tokens: string[][];
  /** Characters of the text that each token covers, from and up to. */
  token_spans: NdArray[];
  /** The token whose loss it is. */
  target: string[];
  /** What the model gave to it. */
  probability: number[];
  /** -ln of that, in nats. */
  loss: number[];
  /** Where the gradient is taken: "input" (what the first layer reads); "h 0", "c 0", "h,c 0" (layer 0's state, its
    cell, both as they are carried on); "stream 0" (the residual stream after block 0). */
  places: string[][];
  /** Numbers that the gradient consists of there. */
  units: NdArray[];
  /** Length of the gradient there, at each step: the root of the sum of its numbers' squares. */
  norms: NdArray[];
  /** The same, divided by its value at the last step. */
  relative: NdArray[];
  /** The one factor a step that would lead from the last step to the first: geometric mean. NaN of a single step. */
  factor: NdArray[];
  /** Length of the gradient by all weights together. NaN where there are more than 20 million of them. */
  parameter_norm: number[];
  /** What clipping multiplies that gradient by, 1 if it is within the threshold. */
  clipped_by: number[];
  /** Largest spectral radius of its recurrent matrices before they were scaled; NaN where none were. */
  radius_before: number[];
}

/** One step as a matrix: its eigenvalues and singular values, and those of the product of many steps. */
export interface GradientFlowJacobians {
  /** The text. */
  tokens: string[];
  /** Characters of the text that each token covers, from and up to. */
  token_spans: NdArray;
  /** Recurrent layers there are. */
  layers: number;
  /** What is carried from step to step: h, or h and c. */
  state: string;
  /** t of each step; the last is T. */
  position: NdArray;
  /** Spectral radius of ds_t/ds_{t-1}: the largest magnitude of an eigenvalue. */
  radius: NdArray;
  /** Its largest singular value. */
  largest: NdArray;
  /** All its singular values, falling. */
  singular: NdArray;
  /** Singular values of ds_T/ds_{t-1}, the product from T back to t, falling. */
  product: NdArray;
  /** Product of the largest singular values from T back to t: the most that the product's could be. */
  bound: NdArray;
  /** Product of the spectral radii from T back to t: what one might expect, and no bound at all. */
  by_radius: NdArray;
  /** Per step: the root of the product's largest singular value. */
  factor: NdArray;
  /** Blocks of the layer's recurrent weights; "h" in a simple RNN. */
  gates: string[];
  /** Spectral radius of each. */
  gate_radius: NdArray;
  /** Largest singular value of each. */
  gate_singular: NdArray;
}

/** An error going back through two units, which can do what no single factor does. */
export interface GradientFlowTwoUnits {
  /** Largest magnitude of an eigenvalue of W. */
  radius: number;
  /** Largest singular value of W. */
  singular: number;
  /** h_{T-k}. */
  hidden: NdArray;
  /** 1, or 1 - h² under a tanh, at h_{T-k}. */
  slope: NdArray;
  /** The error after k steps back. */
  error: NdArray;
  /** Its length. */
  length: NdArray;
  /** radius^k times its length at the end: the story of one factor. */
  by_radius: NdArray;
  /** Largest singular value to the k, times that length: no error can be longer. */
  by_singular: NdArray;
  /** k at which it is longest. */
  peak: number;
  /** How the error after k steps comes from the one before. */
  arithmetic: string[];
}

/** Every head on the text, small, each with its scores and, where they allow one, a name. */
export interface HeadsOverview {
  /** Tokens that are looked at: the text's; with self attention of an encoder-decoder, the target's. */
  tokens: string[];
  /** Characters of that text that each token covers, from and up to. */
  token_spans: NdArray;
  /** Tokens that look, with cross attention: the target's. Empty where the tokens look at themselves. */
  query_tokens: string[];
  /** Characters of the target that each of them covers. */
  query_token_spans: NdArray;
  /** The kinds of attention that this model has. */
  kinds: string[];
  /** Which of them is shown. */
  kind: string;
  /** Layers that have attention of each kind. */
  n_layer: NdArray;
  /** Heads a layer, of each kind. */
  n_head: NdArray;
  /** Weights of evenly spaced queries, the largest of each block of keys; 255 is all of a query's attention. */
  thumbnails: NdArray;
  /** Positions of those queries; their rows are exact. */
  thumbnail_queries: NdArray;
  /** Keys a block. */
  block_size: number;
  /** What the heads are scored for, on texts of the figure's own. */
  score_names: string[];
  /** 0 is what an even spread would get, 1 is all of the attention; meaning: a correlation; entropy: 1 is even. */
  scores: NdArray;
  /** Lower end of the 95 % interval over the texts, or over the positions in them, if that is wider. */
  scores_low: NdArray;
  /** Upper end. */
  scores_high: NdArray;
  /** A head's name, where a score's interval lies above its threshold; else unclassified. */
  labels: string[][];
  /** What this model's heads could not be scored for, and why; empty where there is nothing to say. */
  unscored: string;
}

/** One head's weights, exact, and the whole of it in small to find one's way by. */
export interface HeadsMap {
  /** The kinds of attention that this model has. */
  kinds: string[];
  /** Which of them is shown. */
  kind: string;
  /** Layers that have attention of each kind: where the knob `layer` ends. */
  n_layer: NdArray;
  /** Heads a layer, of each kind: where the knob `head` ends. */
  n_head: NdArray;
  /** Tokens that look, of this tile. */
  query_strings: string[];
  /** Tokens that are looked at, of this tile. */
  key_strings: string[];
  /** Attention weights; whole rows sum to 1, of which this is a part when the text is longer than the tile. */
  weights: NdArray;
  /** Position of the tile's first query. */
  first_query: number;
  /** Position of the tile's first key. */
  first_key: number;
  /** Queries in the whole text. */
  n_query: number;
  /** Keys in the whole text. */
  n_key: number;
  /** The whole map in small: evenly spaced exact rows, the largest of each block of keys; 255 is 1. */
  navigation: NdArray;
  /** Positions of those rows. */
  navigation_queries: NdArray;
  /** Keys a block. */
  navigation_block: number;
}

/** Which heads look from one word of the text at another. */
export interface HeadsFind {
  /** The kinds of attention that this model has. */
  kinds: string[];
  /** Which of them is shown. */
  kind: string;
  /** Attention from the asking word's tokens to all tokens of the other, mean over the asking ones. */
  weight: NdArray;
  /** What an even spread would give. */
  even: number;
  /** Tokens that ask. */
  query_positions: NdArray;
  /** Tokens that are asked. */
  key_positions: NdArray;
  /** The heads with the largest weight: their layers, */
  best_layers: NdArray;
  /** their numbers, */
  best_heads: NdArray;
  /** and their weights. */
  best_weights: NdArray;
}

/** What becomes of the loss and of the next token when heads are switched off. */
export interface HeadsAblate {
  /** The heads that are off, as layer.head. */
  off: string[];
  /** The text's tokens. */
  tokens: string[];
  /** −ln p of each token given those before it, all heads on; in nats, and not a number for the first. */
  surprisal_before: NdArray;
  /** The same with the heads off. */
  surprisal_after: NdArray;
  /** Their mean, in nats a token. */
  loss_before: number;
  /** The same with the heads off. */
  loss_after: number;
  /** The likeliest next tokens, before or after. */
  top_strings: string[];
  /** Their probability with all heads on, over the whole vocabulary. */
  before: NdArray;
  /** And with the heads off. */
  after: NdArray;
  /** Kullback–Leibler divergence of what comes next, from before to after, in bits. */
  kl_bits: number;
}

/** The likeliest next token of every layer at the last positions, and what becomes of the final answer. */
export interface LensLens {
  /** The last tokens of the text. */
  tokens: string[];
  /** Position in the text of the first of them. */
  first: number;
  /** Where the stream is read: the embedding, then after each block. */
  layers: string[];
  /** The layer's likeliest next token. */
  top_strings: string[][];
  /** Its probability, over the whole vocabulary. */
  top_probabilities: NdArray;
  /** What the model says in the end. */
  final_strings: string[];
  /** Rank of that final answer in the layer; 1 is the layer's own first choice. */
  final_rank: NdArray;
  /** What the layer gives to it. */
  final_probability: NdArray;
  /** How unsure the layer is, in bits. */
  entropy_bits: NdArray;
}

/** How likely each token of the vocabulary is to come next. */
export interface NextTokenDistribution {
  /** What the model reads: the text cut into its tokens. */
  tokens: string[][];
  /** Characters of the text that each token covers, from and up to. */
  token_spans: NdArray[];
  /** The likeliest next tokens, from the likeliest on. ‹…› holds the bytes of a piece of a character. */
  top_strings: string[][];
  /** What choosing the token appends to the text; empty where the token is not whole characters. */
  top_text: string[][];
  /** Their numbers in the model's vocabulary. */
  top_ids: NdArray[];
  /** The model's raw scores for them, in nats up to a constant. */
  top_logits: NdArray[];
  /** Their probabilities after the knobs, over the whole vocabulary, falling. */
  top_probabilities: NdArray[];
  /** Probability of all other tokens together. */
  rest_probability: number[];
  /** Entropy H of the distribution after the knobs, in bits. */
  entropy_bits: number[];
  /** 2^H: as unsure as among that many equally likely tokens. */
  effective_choices: number[];
  /** How many tokens the knobs leave with a probability above 0. */
  kept: number[];
  /** How many tokens there are to choose from. */
  vocabulary_size: number[];
  /** Every logit of the vocabulary, falling; empty unless asked for. */
  sorted_logits: NdArray[];
}

/** A continuation, drawn one token at a time from the distribution; stops where the model ends its text. */
export interface NextTokenSample {
  /** The drawn tokens. */
  strings: string[][];
  /** Their numbers in the vocabulary. */
  ids: NdArray[];
  /** The continuation as text. */
  text: string[];
  /** Probability with which each was drawn, after the knobs. */
  probabilities: NdArray[];
  /** Probability that the model itself gave it: temperature 1, nothing removed. */
  model_probabilities: NdArray[];
}

/** The likeliest next tokens, and after each of them the likeliest next ones again. */
export interface NextTokenTree {
  /** The token of each node. */
  strings: string[][];
  /** The text from the reader's last character up to and with this node. */
  text: string[][];
  /** Index of the node before it; -1 for the text itself. */
  parent: NdArray[];
  /** Tokens after the text, from 1. */
  depth: NdArray[];
  /** Given the text and all nodes before it on its path. Temperature 1. */
  probability: NdArray[];
  /** Product of the probabilities along its path. */
  joint: NdArray[];
}

/** A shortest path from one token to another in five networks, found by nudging inputs and searching. */
export interface PathLengthPath {
  /** Tokens in the text. */
  n: number;
  /** The earlier of the two tokens, counted from 1. */
  first: number;
  /** The later one: all five networks read from left to right, so that is where the path leads. */
  last: number;
  /** The networks. */
  names: string[];
  /** Steps of a shortest path. */
  lengths: NdArray;
  /** The same, as the formula says it. */
  by_formula: NdArray;
  /** Whether the lengths were found by nudging and search in the networks; beyond 64 tokens the formula gives them. */
  searched: boolean;
  /** The formula with its numbers. */
  arithmetic: string[];
  /** Which network a node of a path belongs to, counted from 0. */
  node_network: NdArray;
  /** Steps up to there. */
  node_step: NdArray;
  /** The token it stands at, counted from 1. */
  node_token: NdArray;
  /** The wiring found by nudging, where the text has at most 32 tokens: which network an edge belongs to. */
  edge_network: NdArray;
  /** Which of its steps, counted from 0; all steps of a network are wired like step 0, but for dilated convolution. */
  edge_step: NdArray;
  /** The token whose input was nudged, counted from 1. */
  edge_from: NdArray;
  /** The token whose output changed, counted from 1. */
  edge_to: NdArray;
}

/** What a layer of each costs: the paper's table with its symbols, and counted for the reader's numbers. */
export interface PathLengthCost {
  /** The networks. */
  names: string[];
  /** Operations a layer, as the paper writes them: all but a constant factor. */
  complexity: string[];
  /** Operations that have to wait for one another. */
  sequential: string[];
  /** Longest of the shortest paths between any two tokens. */
  path: string[];
  /** What stands in the brackets of the first, for the reader's numbers. */
  operations: NdArray;
  /** The same, written out. */
  arithmetic: string[];
  /** Steps one after the other that a layer takes. */
  waits: NdArray;
  /** Steps from the first token to the last in our networks, exactly. */
  longest: NdArray;
  /** Layers it takes until the last token can feel the first. */
  layers: NdArray;
  /** Operations of as many layers. */
  stack: NdArray;
  /** Pairs of tokens that one layer of attention compares, each with itself and with those before it. */
  pairs: number;
  /** Whether a layer of attention or a recurrent one takes fewer operations, in words. */
  comparison: string;
}

/** How long one layer of each took for texts of growing length, recorded earlier. */
export interface PathLengthTimes {
  /** The networks. */
  names: string[];
  /** Tokens of the text. */
  n: NdArray;
  /** Median time of one forward pass through one layer, in ms. */
  milliseconds: NdArray;
  /** A quarter of the passes were faster, in ms. */
  low: NdArray;
  /** A quarter were slower, in ms. */
  high: NdArray;
  /** Width of the layers. */
  d: number;
  /** Tokens that the convolutions' kernels cover. */
  kernel: number;
  /** Tokens that restricted attention looks back. */
  window: number;
  /** Machine, threads, versions and day. */
  about: string;
}

/** The words change places. Does each token still get the same vector, with positions and without, masked or not? */
export interface PositionsShuffle {
  /** The text's words. */
  words: string[];
  /** How many: where the knobs `first` and `second` end. */
  n_words: number;
  /** Four ways to run each model: told positions or not, all tokens seen or only earlier ones. */
  ways: string[];
  /** The text as the model reads it. */
  tokens: string[][];
  /** Characters of the text that each token covers, from and up to. */
  token_spans: NdArray[];
  /** The same tokens in the new order. */
  shuffled: string[][];
  /** Place in the text, counted from 0, of the token that now stands here. */
  came_from: NdArray[];
  /** By place in the text: length of the change of the token's output, as a share of the output's length. */
  difference: NdArray[];
  /** The largest of them. */
  largest: NdArray[];
  /** Of the two texts' vectors, each the mean of its words' outputs. */
  cosine: NdArray[];
  /** Differences up to here are float32 rounding: sums were added in another order. */
  rounding: number;
  /** Which of the ways is the model's own. */
  trained: number[];
  /** How it is told positions: learned, sinusoidal, rope, alibi or none. */
  scheme: string[];
  /** How the largest difference of each way came about. */
  arithmetic: string[][];
}

/** Positions as rows of sines and cosines: quick ones at the left, slow ones at the right. */
export interface PositionsSinusoids {
  /** PE(pos, dimension), from −1 to 1. */
  encoding: NdArray;
  /** base^(2i/d): a position is divided by it, then comes the sine and the cosine. */
  divisor: NdArray;
  /** 2π times that: positions until the pair comes round. */
  wavelength: NdArray;
  /** Turns that the pair makes from the first position shown to the last. */
  turns: NdArray;
  /** The dimension's formula with its numbers; pos stands for the position. */
  rule: string[];
}

/** How alike the rows of any two positions are: their dot product knows the distance, and nothing else. */
export interface PositionsPairs {
  /** Dot product of the rows of two positions. */
  dots: NdArray;
  /** Σ cos(distance / divisor) over the pairs: the same, from the distance alone. */
  by_distance: NdArray;
  /** Largest difference between the two, over all pairs of positions. */
  residual: number;
  /** A row's dot product with itself, d/2. */
  own: number;
  /** The largest dot product of two different positions. */
  nearest: number;
  /** How far apart those two are. */
  nearest_apart: number;
  /** Distance of their rows, √(d − 2 × dot product): above 0, so no two rows are the same. */
  nearest_gap: number;
  /** The same in figures. */
  unique: string;
  /** The sum behind each distance. */
  arithmetic: string[];
}

/** The linear map that moves a sinusoidal encoding k positions on. */
export interface PositionsShift {
  /** M_k, one 2 × 2 rotation for each pair on its diagonal. */
  matrix: NdArray;
  /** k / divisor, by which each pair turns, in radians. */
  angle: NdArray;
  /** Largest absolute difference between M_k PE(pos) and PE(pos + k), over positions 0 to 511. */
  residual: number;
  /** PE(pos). */
  before: NdArray;
  /** M_k PE(pos). */
  moved: NdArray;
  /** PE(pos + k), from the formula. */
  direct: NdArray;
  /** Row times column behind each entry of M_k PE(pos). */
  arithmetic: string[];
}

/** The same two words at every pair of places: what do sinusoids, RoPE and ALiBi make of their score? */
export interface PositionsSchemes {
  /** none, sinusoids, RoPE, ALiBi. */
  schemes: string[];
  /** Position of the query. */
  query: NdArray;
  /** Position of the key, at the query or before it. */
  key: NdArray;
  /** What goes into the softmax: q · k / √d with what the scheme makes of it. */
  scores: NdArray;
  /** Largest difference between the scores of two pairs that are equally far apart. */
  spread: NdArray;
  /** Largest difference between any two scores. */
  range: NdArray;
  /** Positions: where the knobs `query` and `key` end. */
  n_place: number;
  /** The knob `query`, inside of the positions shown. */
  chosen_query: number;
  /** The knob `key`, at the query or before it. */
  chosen_key: number;
  /** The sum behind the chosen pair's score. */
  arithmetic: string[];
  /** What each head of ALiBi takes off a score for each position of distance. */
  slopes: NdArray;
  /** How they come about. */
  slope_arithmetic: string[];
  /** Whose slope the picture has, counted from 1. */
  head: number;
}

/** What trained models know of places: a learned table, RoPE's turning; and the same text moved further on. */
export interface PositionsLoaded {
  /** The text as the model reads it. */
  tokens: string[][];
  /** learned, sinusoidal, rope, alibi or none. */
  scheme: string[];
  /** Tokens that it reads at most. */
  context: number[];
  /** Of a table: cosine of the rows of two positions. Of RoPE: mean over its pairs of cos(angle between the two
    positions), which is what turning alone does to a vector's dot product with itself, if all pairs are equally long.
    Empty for ALiBi and none. */
  similarity: NdArray[];
  /** Mean similarity at each distance. Unitless. */
  mean: NdArray[];
  /** The smallest at that distance. */
  low: NdArray[];
  /** The largest: where it is the smallest, the distance alone decides. */
  high: NdArray[];
  /** The largest similarity of two different positions; NaN where there is none. */
  closest: number[];
  /** Positions until a pair of RoPE or of sinusoids comes round; empty for the others. */
  wavelength: NdArray[];
  /** Pairs that do not come round within the model's context. */
  slow: number[];
  /** ALiBi's; empty for the others. */
  slopes: NdArray[];
  /** Positions by which the whole text was moved: the knob, or as far as the model reads. */
  moved_by: number[];
  /** Length of the change of each token's output then, as a share of the output's length. */
  moved: NdArray[];
  /** Changes up to here are float32 rounding. */
  rounding: number;
}

/** The state after each token: every column is what the layer knows at that point. */
export interface RecurrenceStates {
  /** The text as each model reads it. */
  tokens: string[][];
  /** Its last tokens, which are shown. */
  columns: string[][];
  /** Position in the text of the first of these, from 0. */
  first: number[];
  /** The layer's h after each of these tokens; between −1 and 1 where a tanh stands around it. Unitless. */
  h: NdArray[];
  /** Number of each unit shown, from 0: those that vary most over these tokens, the most varying first. */
  units: NdArray[];
  /** Standard deviation of each over these tokens. */
  spread: NdArray[];
  /** Units that the layer has. */
  n_unit: number[];
  /** Layers that all of the models have: where the knob `layer` ends. */
  n_layer: number;
}

/** The row-times-column sum behind one unit at one token, for each gate that it has, down to h. */
export interface RecurrenceUnit {
  /** Whose unit it is. */
  model: string;
  /** The text as this model reads it. */
  tokens: string[];
  /** At which of them, from 0. */
  token: number;
  /** Which unit, from 0. */
  unit: number;
  /** Of which layer, from 0. */
  layer: number;
  /** Layers of the model: where the knob `layer` ends. */
  n_layer: number;
  /** Units of a layer: where the knob `unit` ends. */
  n_unit: number;
  /** Tokens of the text: where the knob `token` ends. */
  n_token: number;
  /** The sums that there are: one for a simple RNN, one a gate otherwise. */
  parts: string[];
  /** The one whose terms are listed. */
  part: string;
  /** Its terms: x[i] is a number that the layer reads, h[i] one of its own from the token before. */
  terms: string[];
  /** Each term, a product or the sum of the products that are not listed. Unitless. */
  term_values: NdArray;
  /** Their sum. */
  total: number;
  /** What stands around the sum: tanh, relu or sigmoid; nothing yet around each of a candidate's two sums. */
  squash: string;
  /** What the gate or the state makes of it. */
  value: number;
  /** What each line works out. */
  names: string[];
  /** The arithmetic from the sums to h. */
  lines: string[];
  /** The unit's h after this token, as the model has it in float32. */
  h: number;
  /** And before it; 0 before the first. */
  h_before: number;
}

/** Two words change places: does the state notice, does what comes next, and does a bag of words? */
export interface RecurrenceOrder {
  /** The text's words, as it stands. */
  words: string[];
  /** How many there are: where the knobs `first` and `second` end. */
  n_words: number;
  /** The text with the two exchanged. */
  swapped_text: string;
  /** The text as each model reads it. */
  tokens: string[][];
  /** And the other one. */
  swapped_tokens: string[][];
  /** Whether both are made of the same tokens, each as often; a capital letter or a missing space makes another. */
  same_bag: boolean[];
  /** The layer's state at the end of the text. */
  h: NdArray[];
  /** And at the end of the other. */
  h_swapped: NdArray[];
  /** The second less the first. */
  difference: NdArray[];
  /** Length of that difference. */
  distance: number[];
  /** The same as a share of the first state's length. */
  relative: number[];
  /** Cosine of the angle between both; 1 is the same direction. */
  cosine: number[];
  /** The control: distance between the means of both texts' embeddings, in which order cannot show. */
  bag_distance: number[];
  /** The same as a share of the first mean's length. */
  bag_relative: number[];
  /** Their cosine. */
  bag_cosine: number[];
  /** The likeliest next tokens after either text. */
  top_strings: string[][];
  /** Their probability after the text, over the whole vocabulary. */
  before: NdArray[];
  /** And after the other. */
  after: NdArray[];
  /** Kullback–Leibler divergence of what comes next, from the text to the other, in bits. */
  kl_bits: number[];
}

/** What is left of each token in the state some steps later, as far as a linear probe can read it. */
export interface RecurrenceReadback {
  /** Steps back: 0 is the token that was read last. */
  distances: NdArray;
  /** Share of held-out positions at which the true token comes first. */
  accuracy: NdArray[];
  /** Lower end of the 95 % interval, over held-out pieces of text. */
  low: NdArray[];
  /** Upper end. */
  high: NdArray[];
  /** The same for a probe fitted to shuffled tokens: what frequency alone gives. */
  control: NdArray[];
  /** Median rank of the true token among those that the probe can name; 1 is first. */
  median_rank: NdArray[];
  /** Tokens that the probe can name: those that occurred where it was fitted. */
  n_named: number[];
  /** Positions that it was fitted on. */
  n_training: number[];
  /** Held-out positions that it was tested on. */
  n_test: number[];
  /** Numbers in the state that it reads. */
  n_unit: number[];
  /** The text from its last token backwards, as far as the probe reaches. */
  own_tokens: string[][];
  /** What the probe reads out for each of them at the end of the text. */
  own_found: string[][];
  /** Rank of the true token there; 1 is first, one more than there are if the probe has no name for it. */
  own_rank: NdArray[];
}

/** One step at a time against all at once: which cells can be there after how many parallel steps. */
export interface RecurrenceWavefront {
  /** The first tokens of the text. */
  tokens: string[][];
  /** The first step, from 1, in which the cell can be there: one later than the last cell that it waits for. */
  steps: NdArray[];
  /** Steps in a row that the text takes, with as many processors as one likes. */
  n_steps: number[];
  /** The longest of these, and one more: where the knob `step` ends. */
  last_step: number;
  /** Cells in all: layers times tokens. */
  cells: number[];
  /** Cells that are there after the step that the knob says. */
  ready: number[];
  /** Steps that the first token takes, the first two, the first three … */
  by_length: NdArray[];
  /** Families whose speed was recorded on one machine. */
  recorded: string[];
  /** What each was doing. */
  recorded_work: string[];
  /** Matrix products that it carried out, in 10⁹ multiplications and additions a second. */
  recorded_rate: NdArray;
  /** The same as a share of what that machine reaches on one large product. */
  recorded_share: NdArray;
  /** The machine, and when. */
  recorded_where: string;
}

/** How many bits each token told a model that read all before it, and what that makes of the text. */
export interface SurpriseSurprisal {
  /** The scored tokens: all but a first one that has nothing before it. */
  strings: string[][];
  /** That first one; empty where a beginning-of-text token stood before it. */
  unscored: string[];
  /** Characters of the text that each scored token covers, from and up to. */
  spans: NdArray[];
  /** Surprisal −log₂ p of each token, in bits. */
  bits: NdArray[];
  /** What the model gave the token before it read it, over the whole vocabulary. */
  probabilities: NdArray[];
  /** Its place among all tokens of the vocabulary; 1 is the likeliest. */
  ranks: NdArray[];
  /** The token that the model found likeliest there. */
  expected: string[][];
  /** Its probability. */
  expected_probabilities: NdArray[];
  /** How unsure the model was there: the surprisal that it expected, in bits. */
  entropy_bits: NdArray[];
  /** How many tokens stood before it in its window. */
  before: NdArray[];
  /** Surprisal of all scored tokens together, in bits: of the text. */
  total_bits: number[];
  /** Mean loss: their mean surprisal in nats, which is what training makes small. */
  nats_per_token: number[];
  /** The same in bits. */
  bits_per_token: number[];
  /** exp(mean loss): as unsure as among so many equally likely tokens. */
  perplexity: number[];
  /** Surprisal of the text over the bytes that it was scored on: comparable across vocabularies. */
  bits_per_byte: number[];
  /** Tokens that were scored. */
  n_token: number[];
  /** UTF-8 bytes that they stand for. */
  n_byte: number[];
  /** Tokens that there are to choose from. */
  vocabulary_size: number[];
  /** log₂ of that: surprisal of every token to a model that knows nothing, in bits. */
  uniform_bits: number[];
  /** Tokens read at once; 0 where a state was carried through the whole text. */
  window: number[];
  /** Tokens from one window's start to the next one's; 0 where a state was carried. */
  stride: number[];
  /** How the model read the text, in words. */
  reading: string[];
  /** The mean loss, worked out. */
  loss_arithmetic: string[];
  /** The perplexity, worked out. */
  perplexity_arithmetic: string[];
  /** Bits per byte, worked out. */
  byte_arithmetic: string[];
  /** Windows of all these models are smaller than this. */
  window_below: number;
}

/** Every text that a few words make after the reader's: the conditionals multiply, and all texts add up to 1. */
export interface SurpriseChain {
  /** The words, as the model's tokens. */
  words: string[];
  /** The token of each branch; “anything else” stands for all others of the vocabulary together. */
  strings: string[];
  /** What its whole path adds to the reader's text. */
  texts: string[];
  /** Index of the branch before it; −1 for the text itself. */
  parent: NdArray;
  /** Tokens after the text, from 1. */
  depth: NdArray;
  /** Probability given the text and all branches before it. */
  conditional: NdArray;
  /** Product of the conditionals along its path. */
  joint: NdArray;
  /** 1 where nothing grows from it: these are the texts whose probabilities are added. */
  is_text: NdArray;
  /** How many these are. */
  n_text: number;
  /** Their probabilities together: 1, up to rounding. */
  total: number;
  /** Whether nothing but the words may follow, so that their shares are scaled up to 1. */
  is_restricted: boolean;
}

/** Two texts that differ in one place: which does a model find likelier, and by how much? */
export interface SurprisePairs {
  /** What both texts begin with. */
  before: string[];
  /** How the right one goes on. */
  right: string[];
  /** How the wrong one goes on. */
  wrong: string[];
  /** How both end. */
  after: string[];
  /** Surprisal of the right text, without its first token, in bits. */
  bits_right: NdArray[];
  /** Surprisal of the wrong text, in bits. */
  bits_wrong: NdArray[];
  /** The wrong text's less the right one's, in bits; above 0 the right one is likelier. */
  preference: NdArray[];
  /** The difference, worked out. */
  arithmetic: string[][];
  /** Pairs of the kind in which the right text is likelier; a pair of the reader's own is not counted. */
  n_right: number[];
  /** Their share; guessing gives 0.5. */
  share: number[];
  /** Lower end of its 95 % interval. */
  low: number[];
  /** Upper end. */
  high: number[];
  /** Pairs of the kind. */
  n_pair: number;
  /** Pairs of the reader's own before them: 0 or 1. */
  n_own: number;
  /** What is right about the right ones. */
  about: string;
}

/** Loss and perplexity over what was learnt from. */
export interface TrainingCurves {
  /** What the run is called. */
  names: string[];
  /** Family of the model. */
  families: string[];
  /** How far it is, in words. */
  status: string[];
  /** Whether a training is at work on it, so that asking again gives more. */
  live: boolean[];
  /** When something was last heard of a run that has not said its end, UTC; empty for all others. */
  newest: string[];
  /** Parameters of the model; 0 where the run does not say. */
  parameters: number[];
  /** Steps so far. */
  steps_done: number[];
  /** Steps of the whole run; 0 while that is not known. */
  steps: number[];
  /** Steps after which the training loss was measured. */
  step: NdArray[];
  /** Tokens learnt from until then, counted again in every epoch. */
  tokens_seen: NdArray[];
  /** Seconds spent on learning until then, without reports and saves. */
  seconds: NdArray[];
  /** Training loss, the mean since the measurement before, in nats a token; dropout and label smoothing included. */
  loss: NdArray[];
  /** Tokens in the last `window` measurements. */
  window_tokens: NdArray[];
  /** Their loss, added up, in nats. */
  window_nats: NdArray[];
  /** window_nats ÷ window_tokens, in nats a token. */
  smoothed_loss: NdArray[];
  /** exp of that: as unsure as among so many tokens. */
  smoothed_perplexity: NdArray[];
  /** Learning rate of that step. */
  learning_rate: NdArray[];
  /** Length of that step's gradient before clipping. */
  gradient_norm: NdArray[];
  /** Speed since the measurement before. */
  tokens_per_second: NdArray[];
  /** Steps after which the held-out text was measured. */
  held_out_step: NdArray[];
  /** Tokens learnt from until then. */
  held_out_tokens: NdArray[];
  /** Seconds spent on learning until then. */
  held_out_seconds: NdArray[];
  /** Cross-entropy of the held-out text, in nats a token; no dropout, no label smoothing. */
  held_out_loss: NdArray[];
  /** exp of that. */
  held_out_perplexity: NdArray[];
  /** The same loss in bits a byte of text; nan where not all of the text was measured. */
  held_out_bits_per_byte: NdArray[];
  /** Tokens of it that were predicted: its beginning on the way, all of it at the end. */
  held_out_predicted: NdArray[];
  /** Bytes of the whole held-out text. */
  held_out_size: number[];
  /** Steps at which the weights were kept for good. */
  kept_step: NdArray[];
  /** Tokens learnt from until then. */
  kept_tokens: NdArray[];
  /** Seconds spent on learning until then. */
  kept_seconds: NdArray[];
  /** ln of the vocabulary's size: the loss when all tokens are held equally likely, in nats. */
  uniform_loss: number[];
  /** The vocabulary's size. */
  uniform_perplexity: number[];
  /** Entropy of the held-out text's tokens one by one, in nats: knowing how often each occurs. nan if not known. */
  unigram_loss: number[];
  /** exp of that. */
  unigram_perplexity: number[];
  /** What must be known to compare these runs; empty if nothing stands in the way. */
  note: string;
}

/** What each model wrote at each report, from the first to the newest. */
export interface TrainingSamples {
  /** What the run is called. */
  names: string[];
  /** How far it is, in words. */
  status: string[];
  /** Whether a training is at work on it, so that asking again gives more. */
  live: boolean[];
  /** When something was last heard of a run that has not said its end, UTC; empty for all others. */
  newest: string[];
  /** Steps after which the sample was written. */
  step: NdArray[];
  /** Tokens learnt from until then. */
  tokens_seen: NdArray[];
  /** Cross-entropy of the held-out text at that step, in nats a token; nan if it was not measured there. */
  held_out_loss: NdArray[];
  /** The held-out text that it goes on with, or the sentence that it translates. */
  prompts: string[][];
  /** What it wrote. */
  texts: string[][];
}
