"""Weights and start states that come with the package, each with a card that says how it was made."""

from pathlib import Path

FOLDER = Path(__file__).parent

SHIPPED_POLICY = FOLDER / "policy_generalist.safetensors"
"""Turns objects about any axis of the hand, in any wrist orientation; palm up from the open hand, too."""

SHIPPED_POLICIES = {
    "generalist": SHIPPED_POLICY,
    "palm_up": FOLDER / "policy_palm_up.safetensors",
    "six_wrists": FOLDER / "policy_six_wrists.safetensors",
}
"""Policies by the name that ``load_policy`` and ``--policy`` know."""
