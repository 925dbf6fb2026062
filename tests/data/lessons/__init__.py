"""Tests of data.lessons."""
