"""Weight and cache formats: how many bytes a tensor takes."""
