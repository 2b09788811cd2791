"""The joint-wise dynamics model: fitting it, measuring it, and correcting targets with it."""
