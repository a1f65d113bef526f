"""Any number of modalities, fused by experts, and searched."""
