"""Pictures and films turned into text by a frozen model, so that text encoders can read them."""
