// Package diskspace measures what directories take, and keeps what is unpacked from filling the file system.
package diskspace
