"""Retrieval: queries and items of any modalities, brought together by contrast."""
