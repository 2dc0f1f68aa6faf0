"""Published protocols on public radiographs, and what our recipe reaches by them."""
