"""The bar store."""
