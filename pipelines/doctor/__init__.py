"""What is wrong with the files of a folder or a list of clips: a table."""
