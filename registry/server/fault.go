package server

import (
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
)

// Fault is something that goes wrong on demand, so that a test can see what its client makes of it.
//
//	reg.Inject(server.Fault{Repository: "app", Method: "GET", Status: 503, Times: 2})
type Fault struct {
	// Repository, Method and Reference choose the requests that fail. Repository is a pattern like Access.Repository,
	// Method is an HTTP method such as "GET", and Reference is a tag or a digest. Default: all requests.
	Repository string
	Method     string
	Reference  string

	// Skip is how many of the chosen requests pass before the first one fails, and Times how many fail after that.
	// Skip: n-1 with Times: 1 is the n-th request alone. Default: none passes, and the fault has no end.
	Skip  int
	Times int

	// Delay is how long the server waits before anything else, unless the client gives up. Default: no wait.
	Delay time.Duration

	// Status is the HTTP status of the answer, which is an error in the form of the OCI distribution spec. Default: the
	// request is served.
	Status int

	// RetryAfter is the answer's Retry-After, rounded up to seconds. Without a Status the answer is 429. Default: none.
	RetryAfter time.Duration

	// Truncate makes a blob end at Offset. The headers of the answer say that this is its size.
	Truncate bool
	// Corrupt inverts all bits of the byte at Offset of a blob.
	Corrupt bool
	// Drop closes the connection when a blob has been sent up to Offset. With an Offset of 0, and for every request that is
	// not for a blob's content, it closes the connection before an answer.
	Drop bool
	// Offset is a position in the whole blob, in bytes, also if a request asks for a part of the blob: if that part begins at
	// Offset or behind it, Drop sends no byte. It is where Truncate, Corrupt and Drop happen. Default: 0.
	Offset int64
}

// faults are those of a server.
type faults struct {
	mu    sync.Mutex
	armed []*armedFault
}

type armedFault struct {
	Fault
	seen int
}

// Inject makes a fault happen from now on. The returned function ends it, and says how often it happened.
func (s *Server) Inject(f Fault) (remove func() int) {
	a := &armedFault{Fault: f}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.armed = append(s.faults.armed, a)
	return func() int {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.faults.armed = slices.DeleteFunc(s.faults.armed, func(b *armedFault) bool { return a == b })
		return a.happened()
	}
}

func (a *armedFault) happened() int {
	n := max(0, a.seen-a.Skip)
	if a.Times > 0 {
		n = min(n, a.Times)
	}
	return n
}

// choose counts the request for every fault that it matches, and returns the first that is due.
func (f *faults) choose(r route) (due *armedFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.armed {
		if !a.matches(r) {
			continue
		}
		before := a.happened()
		a.seen++
		if due == nil && a.happened() > before {
			due = a
		}
	}
	return due
}

func (a *armedFault) matches(r route) bool {
	if a.Repository != "" && (r.repo == "" || !matchRepository(a.Repository, r.repo)) {
		return false
	}
	return (a.Method == "" || a.Method == r.method) && (a.Reference == "" || a.Reference == r.reference())
}

// before does what a fault does before the real answer, and says whether it was all.
func (f *faults) before(x *exchange) (answered bool) {
	if x.fault = f.choose(x.route); x.fault == nil {
		return false
	}
	if d := x.fault.Delay; d > 0 {
		select {
		case <-time.After(d):
		case <-x.request.Context().Done():
		}
	}
	status := x.fault.Status
	if retry := x.fault.RetryAfter; retry > 0 {
		x.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(retry.Seconds()))))
		if status == 0 {
			status = http.StatusTooManyRequests
		}
	}
	if status != 0 {
		err := ociregistry.NewError("fault on demand", faultCode(status), nil)
		x.err = ociregistry.NewHTTPError(err, status, nil, nil)
		body, _ := ociregistry.MarshalError(err)
		x.Header().Set("Content-Type", "application/json")
		x.WriteHeader(status)
		_, _ = x.Write(body)
		return true
	}
	if x.fault.Drop && (x.fault.Offset == 0 || !x.blobBody()) {
		panic(http.ErrAbortHandler)
	}
	return false
}

func (x *exchange) blobBody() bool {
	return x.route.kind == routeBlob && x.request.Method == http.MethodGet
}

// faultCode is the code that goes with a status (OCI distribution spec, "Error Codes"): clients that do not see the status
// go by it.
func faultCode(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return ociregistry.ErrUnauthorized.Code()
	case http.StatusForbidden:
		return ociregistry.ErrDenied.Code()
	case http.StatusNotFound:
		return ociregistry.ErrNameUnknown.Code()
	case http.StatusMethodNotAllowed:
		return ociregistry.ErrUnsupported.Code()
	case http.StatusRequestEntityTooLarge:
		return ociregistry.ErrSizeInvalid.Code()
	case http.StatusTooManyRequests:
		return ociregistry.ErrTooManyRequests.Code()
	}
	if status >= 500 {
		return "UNAVAILABLE"
	}
	return "UNKNOWN"
}

// content is a blob as the fault has it.
func (f *faults) content(x *exchange, b io.ReadSeeker) io.ReadSeeker {
	a := x.fault
	if a == nil || !a.Truncate && !a.Corrupt && !a.Drop {
		return b
	}
	return &faultyBlob{ReadSeeker: b, x: x, fault: a.Fault}
}

// faultyBlob is a blob with something wrong at an offset.
type faultyBlob struct {
	io.ReadSeeker
	x     *exchange
	fault Fault
	pos   int64
}

func (b *faultyBlob) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd && b.fault.Truncate {
		size, err := b.ReadSeeker.Seek(0, io.SeekEnd)
		if err != nil {
			return 0, err
		}
		offset, whence = min(size, b.fault.Offset)+offset, io.SeekStart
	}
	var err error
	b.pos, err = b.ReadSeeker.Seek(offset, whence)
	return b.pos, err
}

func (b *faultyBlob) Read(p []byte) (int, error) {
	at := b.fault.Offset
	if b.fault.Drop {
		if b.pos >= at {
			_ = b.x.control.Flush() // the client is to see what came before
			panic(http.ErrAbortHandler)
		}
		p = p[:min(int64(len(p)), at-b.pos)]
	}
	n, err := b.ReadSeeker.Read(p)
	if i := at - b.pos; b.fault.Corrupt && i >= 0 && i < int64(n) {
		p[i] = ^p[i]
	}
	b.pos += int64(n)
	return n, err
}
