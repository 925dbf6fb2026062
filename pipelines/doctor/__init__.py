"""Table of the faults in the files of a folder or of a list of clips."""
