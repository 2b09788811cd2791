"""The hand itself: joints, model, objects and start states."""
