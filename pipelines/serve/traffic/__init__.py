"""Traffic of the server: who may ask, how much at once, and what is refused."""
