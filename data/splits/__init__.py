"""Labels, and which example is in which part: stratified, by groups, without leaks."""
