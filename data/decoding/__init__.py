"""Video files to frames: probing, sampling, seeking, scaling, and decoding in a separate process."""
