package spec

import "github.com/caisson-dev/caisson/container"

func validateRestart(field string, p container.RestartPolicy) error {
	switch p.Mode {
	case "", container.RestartNo, container.RestartAlways, container.RestartUnlessStopped:
		if p.MaxRetries != 0 {
			return invalid("%s.MaxRetries %d: it is only for the mode on-failure", field, p.MaxRetries)
		}
	case container.RestartOnFailure:
		if p.MaxRetries < 0 {
			return invalid("%s.MaxRetries %d: it must not be negative", field, p.MaxRetries)
		}
	default:
		return invalid("%s.Mode %q: use no, on-failure, always or unless-stopped", field, p.Mode)
	}
	return nil
}

// minLogFile in bytes: some lines and their headers.
const minLogFile = 1 << 10

func validateLog(o container.LogConfig) error {
	switch {
	case o.MaxSize != 0 && o.MaxSize < minLogFile:
		return invalid("Options.Log.MaxSize %d: it must be at least %d bytes, or 0 for no limit", o.MaxSize, minLogFile)
	case o.MaxFiles < 0:
		return invalid("Options.Log.MaxFiles %d: it must not be negative", o.MaxFiles)
	case o.MaxFiles > 0 && o.MaxSize == 0:
		return invalid("Options.Log.MaxFiles %d: it has no effect without MaxSize: set MaxSize too", o.MaxFiles)
	}
	return nil
}
