"""What runs where no data are named: motions, reviews, and tasks that need a memory."""
