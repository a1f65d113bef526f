"""How alike two scanpaths are: eight families of measures, one row a pair."""
