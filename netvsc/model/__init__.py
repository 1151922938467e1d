"""What the product is about: pairs, pools, names, and what is said of them in status."""
