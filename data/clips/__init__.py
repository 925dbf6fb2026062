"""Which clips there are: folders, official lists, and lists of one's own."""
