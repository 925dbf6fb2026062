"""Texts as plain strings: their content, and prompts; nothing here needs more than a tokenizer."""
