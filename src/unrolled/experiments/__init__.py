"""Claims about sequence models, tested: one file a claim, found by import.

`_claim` says what a claim is, `_rule` how a verdict follows from intervals, `_store` where finished cells lie, `_pool`
how cells are run. docs/experiments.md says how to add one.
"""
