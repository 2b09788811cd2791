"""Weights and start states that come with the package, each with a card that says how it was made."""

from pathlib import Path

FOLDER = Path(__file__).parent

SHIPPED_POLICY = FOLDER / "policy_palm_up.safetensors"
"""Turns the basic objects about +z, palm up, from the open hand."""

SHIPPED_POLICIES = {"palm_up": SHIPPED_POLICY, "six_wrists": FOLDER / "policy_six_wrists.safetensors"}
"""Policies by the name that ``load_policy`` and ``--policy`` know."""
