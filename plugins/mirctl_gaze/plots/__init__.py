"""Pictures of gaze: scanpaths, fixation maps, word heat maps."""
