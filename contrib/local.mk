# contrib/: what the build does not need.
