"""One module per feature, each with its routes."""
