"""One file per kind of hand."""
