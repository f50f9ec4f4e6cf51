"""A series and a window -> dates. RFC 5545 section 3.3.10."""
