"""The gap suite: what is lost between simulation and many virtual hands, and what corrections return."""
