"""From gaze samples to fixations, words and reading measures, and scanpaths beside each other."""
