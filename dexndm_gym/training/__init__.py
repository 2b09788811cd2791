"""PPO teachers and distillation into the deployable student."""
