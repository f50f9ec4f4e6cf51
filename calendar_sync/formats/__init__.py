"""Files for analysts: SQLite and Parquet, made from the very rows of the CSV."""
