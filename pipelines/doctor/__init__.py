"""Table of problems with the files of a folder or a list of clips."""
