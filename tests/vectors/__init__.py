"""Test vectors of evidence, and the programs of four authors that judge them."""
