"""A run's report: what is known of it, section by section, as one page."""
