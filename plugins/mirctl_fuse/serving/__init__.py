"""`mirctl fuse serve`: an index that answers over HTTP, and a page to search it with."""
