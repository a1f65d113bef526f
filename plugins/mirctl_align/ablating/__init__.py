"""`mirctl align ablate`: what gaze adds, by where it enters, beside controls."""
