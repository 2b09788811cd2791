"""One report on all that a folder holds: evaluations, gap and general suites, demos, recordings."""
