"""Values to JSON and tables and back, with errors that name what is wrong."""
