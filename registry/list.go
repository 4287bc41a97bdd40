package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociauth"
)

// ListOptions are the options of Tags and Catalog.
type ListOptions struct {
	// After starts the list after this name, in lexical order.
	After string

	// PageSize is how many names each request asks for. A registry may give fewer. Default: 1000.
	PageSize int
}

// maxListBytes bounds one page of a list.
const maxListBytes = 16 << 20

// pageOf is a page of either list.
type pageOf struct {
	Tags         []string `json:"tags"`
	Repositories []string `json:"repositories"`
}

// Tags lists the tags of a repository ("quay.io/team/app"), page by page as the caller goes on, in the registry's order
// (OCI distribution spec, "Listing Tags"). An error ends the list.
//
// Errors: ErrInvalidReference, ErrNotFound, ErrUnauthorized, ErrDenied, ErrRateLimited and ErrUnreachable.
func (c *Client) Tags(ctx context.Context, repository string, o ListOptions) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ref, err := parseRepository(repository)
		if err == nil && (ref.tag != "" || ref.digest != "") {
			err = fmt.Errorf("%w: %q names a manifest, not a repository", ErrInvalidReference, repository)
		}
		if err != nil {
			yield("", fmt.Errorf("list tags: %w", err))
			return
		}
		scope := ociauth.ResourceScope{ResourceType: ociauth.TypeRepository, Resource: ref.repo, Action: ociauth.ActionPull}
		conn, err := c.conn(ctx, ref.host, ref.repo)
		if err == nil {
			err = conn.pages(ctx, "/v2/"+ref.repo+"/tags/list", scope, o, yield)
		}
		if err != nil {
			yield("", clientError("list tags of", ref.name(), err))
		}
	}
}

// Catalog lists the repositories of a registry ("quay.io"), page by page as the caller goes on, as far as the registry
// shows them. Docker Hub and many others show none. An error ends the list.
//
// Errors: ErrInvalidReference when it is not a registry's name; ErrUnauthorized, ErrDenied, ErrUnsupported or ErrNotFound
// when the registry has no catalog for the caller; ErrRateLimited and ErrUnreachable.
func (c *Client) Catalog(ctx context.Context, registry string, o ListOptions) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		host, err := hostOf(registry)
		if err != nil {
			yield("", fmt.Errorf("list repositories: %w", err))
			return
		}
		conn, err := c.conn(ctx, host, "")
		if err == nil {
			conn.greet(ctx)
			err = conn.pages(ctx, "/v2/_catalog", ociauth.CatalogScope, o, yield)
		}
		if err != nil {
			yield("", clientError("list repositories of", host, err))
		}
	}
}

// greet has the registry ask for credentials, so that they go with the next request: one that shows something to
// everyone would not ask, and show that alone.
func (c *conn) greet(ctx context.Context) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/v2/", nil)
	if err != nil {
		return
	}
	if resp, err := c.http.Do(req); err == nil { // the next request will fail in the same way
		_ = resp.Body.Close()
	}
}

// pages follows the Link of each page. A short page is not the last when it has one: registries cap a page as they
// like.
func (c *conn) pages(ctx context.Context, path string, scope ociauth.ResourceScope, o ListOptions, yield func(string, error) bool) error {
	if o.PageSize <= 0 {
		o.PageSize = 1000
	}
	q := url.Values{"n": {strconv.Itoa(o.PageSize)}}
	if o.After != "" {
		q.Set("last", o.After)
	}
	ctx = ociauth.ContextWithRequestInfo(ctx, ociauth.RequestInfo{RequiredScope: ociauth.NewScope(scope)})
	next, err := url.Parse(c.base + path + "?" + q.Encode())
	for err == nil && next != nil {
		var names []string
		from := next
		if names, next, err = c.page(ctx, next); err != nil {
			return err
		}
		for _, name := range names {
			if !yield(name, nil) {
				return nil
			}
		}
		if next != nil && (*next == *from || len(names) == 0) {
			return nil // a Link to itself, or to nothing more
		}
	}
	return err
}

func (c *conn) page(ctx context.Context, u *url.URL) (names []string, next *url.URL, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, responseError(resp)
	}
	var p pageOf
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxListBytes))
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read list: %w", err)
	}
	next, err = nextPage(resp)
	return append(p.Tags, p.Repositories...), next, err
}

// nextPage reads the Link (RFC 8288). It must not lead to another registry: the credential would go with it.
func nextPage(resp *http.Response) (*url.URL, error) {
	for _, link := range resp.Header.Values("Link") {
		target, params, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
		if !ok || !strings.Contains(strings.ReplaceAll(params, `"`, ""), "rel=next") {
			continue
		}
		next, err := resp.Request.URL.Parse(target)
		if err != nil || next.Host != resp.Request.URL.Host || next.Scheme != resp.Request.URL.Scheme {
			return nil, fmt.Errorf("the next page of the list is not at the same registry: %q", target)
		}
		return next, nil
	}
	return nil, nil
}

// responseError is the error that an answer reports (OCI distribution spec, "Error Codes").
func responseError(resp *http.Response) error {
	var body ociregistry.WireErrors
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(data, &body) == nil && len(body.Errors) > 0 {
		return ociregistry.NewHTTPError(&body, resp.StatusCode, resp, data)
	}
	return ociregistry.NewHTTPError(nil, resp.StatusCode, resp, data)
}
