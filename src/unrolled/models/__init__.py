"""Models written out, one readable file a family, over shared formulas."""
