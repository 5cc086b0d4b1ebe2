"""The demonstration: a synthetic world, and how it is put into an empty Waymark."""
