"""Alembic's environment, the steps, and what several steps share."""
