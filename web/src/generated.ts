// Written by `python -m unrolled.schema` from the figures' result types. Do not edit.
import type { NdArray } from "./contracts";

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
