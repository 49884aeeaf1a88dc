"""The ways out of the house: each a small interface over what carries the message."""
