"""What "rotate the object" means, as pure functions over a batch."""
