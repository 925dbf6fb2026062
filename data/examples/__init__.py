"""Data that are read where a person names none: motions, film reviews, and memory tasks."""
