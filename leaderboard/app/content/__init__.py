"""Contents of the pages, one module per page: data frames and texts, no widget."""
