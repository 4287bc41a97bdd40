package api

import (
	"io/fs"
	"time"
)

// FileInfo describes a file of an image.
type FileInfo struct {
	Name    string      `json:"name"`
	Size    int64       `json:"size"`
	Mode    fs.FileMode `json:"mode"`
	ModTime time.Time   `json:"modTime"`
	UID     int         `json:"uid,omitempty"`
	GID     int         `json:"gid,omitempty"`
}
