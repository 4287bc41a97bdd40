package atomicfile

// SyncDir does nothing: Windows has no sync of a directory.
func SyncDir(string) error { return nil }
