"""The demo: simulation, direct transfer and corrected run side by side, with a report."""
