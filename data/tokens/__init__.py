"""Tokens: tokenizers and their vocabularies, tables of tokens, and word vectors."""
