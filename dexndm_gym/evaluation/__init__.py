"""Rolling out policies, measuring them, and reports."""
