# What the worker uses of Isaac Gym Preview 4, which cannot be installed here. The interface is that of isaacgym-stubs 1.1rc4 (MIT).
