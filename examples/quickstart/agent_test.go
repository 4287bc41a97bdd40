//go:build linux && cgo && containers_image_openpgp

package main

import _ "github.com/caisson-dev/caisson/agent" // with the tags the agent is this test's binary; else it is looked for
