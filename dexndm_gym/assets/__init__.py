"""What is shipped: start states, policies and models, each with a card."""
