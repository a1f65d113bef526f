"""One space for many modalities: fused encoders, and search among items."""
