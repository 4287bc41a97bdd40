package registrystore

import "os"

// LockFile waits for the exclusive lock of a file, among all processes. It ends with the file's close.
func LockFile(f *os.File) error { return lockFile(f, true) }
