"""How far a model's attention goes where people look: reading measures against each layer."""
