// Package bridge gives package container the client of an image.Store, which is not part of image's public API.
//
// Package image sets ClientOf when it is initialised. The package holds nothing else, and only image and container
// import it.
package bridge

import "github.com/caisson-dev/caisson/internal/client"

// ClientOf returns the client of store, which is an *image.Store.
var ClientOf func(store any) *client.Client
