package api

import "strings"

// Route is a request that the agent serves: a POST to a path, whose body is JSON or empty.
type Route struct{ path string }

// routes are all of them; routes.go fills it.
var routes []Route

func route(path string) Route {
	r := Route{path}
	routes = append(routes, r)
	return r
}

// Routes returns all routes.
func Routes() []Route { return append([]Route(nil), routes...) }

// id is what a path has where the container's id, or the file system's handle, stands.
const id = "{id}"

// Of is the route with the id filled in: what a client sends to.
func (r Route) Of(value string) Route { return Route{strings.Replace(r.path, id, value, 1)} }

// Pattern is what net/http's ServeMux registers. PathValue("id") gives what Of filled in.
func (r Route) Pattern() string { return "POST " + r.path }

// String is the path.
func (r Route) String() string { return r.path }
