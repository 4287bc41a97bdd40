package wire

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"

	"github.com/caisson-dev/caisson/internal/unixsock"
)

// Forward passes a request on to the agent at socket. It reports true when nothing was answered and the request may be
// tried again: the agent went away before it took it. gone makes the error that is the answer when it may not.
func Forward(w http.ResponseWriter, r *http.Request, socket string, mayRetry bool, gone func(error) error) (again bool) {
	p := &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.Out.URL.Scheme, pr.Out.URL.Host = "http", "agent"
		},
		FlushInterval: -1,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return unixsock.Dial(ctx, socket)
			},
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if mayRetry && r.Context().Err() == nil {
				again = true
				return
			}
			Fail(w, gone(err))
		},
	}
	p.ServeHTTP(w, r)
	return again
}
