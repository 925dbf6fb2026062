"""Labels, and the split into training, validation and test part: stratified, grouped, no leakage."""
