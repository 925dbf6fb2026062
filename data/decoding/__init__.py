"""A file of video to frames: what it holds, which frames are wanted, and a process that decodes them."""
