"""How one policy does over wrists, axes and objects: the general suite."""
