"""Adapt frozen encoders to a catalogue with side networks on cached hidden states."""
