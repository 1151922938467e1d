"""What the images are made of: the SBOM of each, and under which licences it all comes."""
