"""One diffusion model that fills, generates and conditions mixed tables."""
