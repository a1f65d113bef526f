"""`fuse ablate`: a recipe beside itself without each of its parts, and beside other methods."""
