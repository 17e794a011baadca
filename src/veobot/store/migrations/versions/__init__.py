"""One module per version; each is frozen once released."""
