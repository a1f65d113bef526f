"""Reading that was not recorded: generators of reading measures, and what they are good for."""
