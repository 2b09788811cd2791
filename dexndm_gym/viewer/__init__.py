"""A page in the browser that shows a hand: simulated, virtual, real or recorded."""
