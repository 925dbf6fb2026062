"""Processes of a run: signals that end them, their communication, and what happens where one fails."""
