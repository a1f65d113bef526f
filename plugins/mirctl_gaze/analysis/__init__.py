"""Whether texts of two kinds are read differently: paired statistics of reading measures."""
