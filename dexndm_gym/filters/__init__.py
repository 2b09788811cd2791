"""Target filters: they modify joint position targets before they reach the backend as commands."""
