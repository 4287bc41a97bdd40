package relay

import "sync"

// Pool has buffers that copies go through. They are taken only while there is something to carry: idle connections hold
// none.
type Pool struct {
	size int
	pool sync.Pool
}

// The pools. A copy through a larger buffer is faster, and one that stands still holds more.
var (
	Large  = newPool(256 << 10)
	Medium = newPool(64 << 10)
	Small  = newPool(16 << 10)
)

func newPool(size int) *Pool {
	p := &Pool{size: size}
	p.pool.New = func() any { b := make([]byte, size); return &b }
	return p
}

// Get returns a buffer, which Put takes back.
func (p *Pool) Get() []byte { return *p.pool.Get().(*[]byte) }

// Put takes a buffer of this pool back.
func (p *Pool) Put(b []byte) {
	b = b[:p.size]
	p.pool.Put(&b)
}
