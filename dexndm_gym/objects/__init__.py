"""Objects to rotate: catalog, primitives, meshes, and the slots that let one batch hold any mix."""
