"""How tests start Java. Theirs live for seconds, in which making code fast costs more than it brings."""

SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xss4m")
"""Its first compiler alone, which wants more stack, and one thread that clears up."""
