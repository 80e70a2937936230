"""The space in which prototypes of a run live, and the laws of class means in it."""
