"""Sources of clips: folders of classes, official lists, and lists of one's own, to labelled clips."""
