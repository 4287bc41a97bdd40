package seccomp

// Table is the system call numbers by name, for comparison in tests.
func Table() map[string]numbers { return table() }

// Columns of Table's values.
const (
	ColumnX86_64  = columnX86_64
	ColumnI386    = columnI386
	ColumnX32     = columnX32
	ColumnARM     = columnARM
	ColumnAARCH64 = columnAARCH64
)
