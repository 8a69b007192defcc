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
