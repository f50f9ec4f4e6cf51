"""Who works on many users at once: threads, processes, or a Dask cluster. One seam for all three."""
