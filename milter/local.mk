# milter/: tendril-milter.
