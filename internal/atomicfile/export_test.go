package atomicfile

// CrashAt has f called when the new content is written and the name not yet changed.
func CrashAt(f func()) { crashPoint = f }
