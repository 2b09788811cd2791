"""Models of a single servo, fitted to logs of a test bench with a pendulum."""
