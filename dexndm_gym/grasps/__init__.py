"""Start states: how the hand holds an object when an episode begins, and the search for such states."""
