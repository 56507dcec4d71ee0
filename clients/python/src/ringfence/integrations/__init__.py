"""What records for a library: one module for each, which alone imports that library. docs/ has a page for each."""
