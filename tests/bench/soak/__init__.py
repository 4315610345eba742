"""What takes too long for `make test`: many submissions at once, a thousand hubs, runs that are killed."""
