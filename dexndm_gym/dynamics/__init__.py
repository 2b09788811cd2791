"""The joint-wise dynamics model: fitting it, measuring it, and correcting commands with it."""
