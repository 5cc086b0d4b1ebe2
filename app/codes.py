"""The letters of every code that people read out, write down and type."""

# 30 letters and digits that read alike in no hand: no 0, 1, I, L, O or U.
CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
