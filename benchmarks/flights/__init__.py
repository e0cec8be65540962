"""What reviews with a flight say of labelled snapshots: the first defect named, the outcome, time and memory."""
