"""What the commands in this folder do; the files without an ending are their thin shells."""
